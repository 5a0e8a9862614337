import { Paper, SimpleGrid, Text } from "@mantine/core";

import type { Key } from "../../i18n/en";
import { useI18n } from "../../i18n/useI18n";
import type { ImportCounts as Counts } from "./rules";

/** What became of the rows of a file; the four outcomes add up to the first figure. */
export function ImportCounts({ counts }: { counts: Counts }) {
  const { t } = useI18n();
  const figures: [Key, number, string?][] = [
    ["tasks.total", counts.total],
    ["outcome.created", counts.created],
    ["outcome.updated", counts.updated],
    ["outcome.unchanged", counts.unchanged],
    ["outcome.failed", counts.failed, counts.failed ? "var(--mantine-color-error)" : undefined],
  ];
  if (counts.waitlisted) figures.push(["tasks.waitlisted", counts.waitlisted]);
  if (counts.warnings) figures.push(["tasks.warnings", counts.warnings]);
  return (
    <SimpleGrid cols={{ base: 2, xs: 3, md: figures.length }} spacing="sm" component="dl" m={0}>
      {figures.map(([label, figure, colour]) => (
        <Figure key={label} label={t(label)} figure={figure} colour={colour} />
      ))}
    </SimpleGrid>
  );
}

function Figure({ label, figure, colour }: { label: string; figure: number; colour?: string }) {
  const { number } = useI18n();
  return (
    <Paper withBorder p="sm">
      <Text component="dt" size="sm" c="dimmed">
        {label}
      </Text>
      <Text component="dd" m={0} fz="xl" fw={650} c={colour}>
        {number(figure)}
      </Text>
    </Paper>
  );
}
