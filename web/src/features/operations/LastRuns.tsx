import { Badge, Group, Stack, Text } from "@mantine/core";

import type { Run } from "../../api/types";
import { useWords } from "../../i18n/useWords";

const SHOWN = 10;

/** The newest run of a function; those before it on demand. */
export function LastRuns({ runs }: { runs: Run[] }) {
  const { t } = useWords();
  const [newest, ...others] = runs;
  if (!newest)
    return (
      <Text size="sm" c="dimmed">
        {t("ops.no_runs")}
      </Text>
    );
  return (
    <Stack gap={4}>
      <OneRun run={newest} />
      {others.length > 0 && (
        <details>
          <summary>
            <Text span size="sm">
              {t("ops.earlier")}
            </Text>
          </summary>
          <Stack gap={4} mt={4}>
            {others.slice(0, SHOWN).map((run) => (
              <OneRun key={`${run.state} ${run.started_at}`} run={run} />
            ))}
          </Stack>
        </details>
      )}
    </Stack>
  );
}

function OneRun({ run }: { run: Run }) {
  const { t, dateTime, number } = useWords();
  return (
    <Group gap="xs">
      <Badge
        color={run.state === "success" ? "teal" : "red"}
        variant="light"
        tt="none"
        miw="max-content"
      >
        {t(run.state === "success" ? "ops.success" : "ops.failure")}
      </Badge>
      <Text size="sm" className="wrap-anywhere">
        {run.cause ?? t("ops.times", { count: run.times })}
      </Text>
      <Text size="xs" c="dimmed">
        <time dateTime={run.started_at}>{dateTime(run.started_at)}</time>
        {` · ${number(Math.round(run.ms))} ms`}
      </Text>
    </Group>
  );
}
