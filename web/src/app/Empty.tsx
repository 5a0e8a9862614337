import { Paper, Stack, Text } from "@mantine/core";
import type { ReactNode } from "react";

/** What a list shows when there is nothing to list, and what to do about it. */
export function Empty({
  title,
  text,
  children,
}: {
  title: string;
  text: string;
  children?: ReactNode;
}) {
  return (
    <Paper withBorder p="xl">
      <Stack align="center" gap="xs" ta="center">
        <Text fw={600} className="wrap-anywhere">
          {title}
        </Text>
        <Text c="dimmed">{text}</Text>
        {children}
      </Stack>
    </Paper>
  );
}
