import { Box, Container, Group, Stack, Text, Title } from "@mantine/core";
import { useEffect, type ReactNode } from "react";

import { Brand } from "./Brand";
import { Preferences } from "./Preferences";

interface Props {
  title: string;
  lead?: string;
  children: ReactNode;
}

/** The frame of a page that is there without a sign-in. */
export function PublicPage({ title, lead, children }: Props) {
  useEffect(() => {
    document.title = `${title} · Rollcall`;
  }, [title]);

  return (
    <Container size={420} py={{ base: "md", sm: "xl" }}>
      <Group component="header" justify="space-between" mb="xl">
        <Brand />
        <Preferences />
      </Group>
      <Stack component="main" gap="lg">
        <Box>
          <Title order={1} size="h2">
            {title}
          </Title>
          {lead && <Text c="dimmed">{lead}</Text>}
        </Box>
        {children}
      </Stack>
    </Container>
  );
}
