import { Group, Text } from "@mantine/core";
import type { ReactNode } from "react";

/** Figures side by side, each with what it counts. */
export function FigureRow({ children }: { children: ReactNode }) {
  return (
    <Group component="dl" gap="xl" m={0}>
      {children}
    </Group>
  );
}

export function Figure({ label, children }: { label: string; children: ReactNode }) {
  return (
    <div>
      <Text component="dt" size="sm" c="dimmed">
        {label}
      </Text>
      <Text component="dd" m={0} fz="xl" fw={650}>
        {children}
      </Text>
    </div>
  );
}
