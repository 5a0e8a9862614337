import { Group, Stack, Text, Title } from "@mantine/core";
import { useEffect, useRef, type ReactNode } from "react";
import { useNavigationType } from "react-router";

interface Props {
  title: string;
  lead?: ReactNode;
  actions?: ReactNode;
  children: ReactNode;
}

/** A page's frame: its title in the tab and as the heading, which has the focus after a navigation. */
export function Page({ title, lead, actions, children }: Props) {
  const heading = useRef<HTMLHeadingElement>(null);
  // Loading, reloading and going back leave the focus where the browser has it.
  const arrivedByLink = useRef(useNavigationType() !== "POP");

  useEffect(() => {
    document.title = `${title} · Rollcall`;
  }, [title]);
  useEffect(() => {
    if (arrivedByLink.current) heading.current?.focus();
  }, []);

  return (
    <Stack gap="lg">
      <Group justify="space-between" align="flex-start" gap="sm">
        <Stack gap={4} flex="1 1 18rem" miw={0}>
          <Title order={1} size="h2" ref={heading} tabIndex={-1} className="wrap-anywhere">
            {title}
          </Title>
          {lead && (
            <Text component="div" c="dimmed" maw="44rem">
              {lead}
            </Text>
          )}
        </Stack>
        {actions && <Group gap="xs">{actions}</Group>}
      </Group>
      {children}
    </Stack>
  );
}
