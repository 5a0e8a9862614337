import { Button, Paper, Stack, Table, Text, Title } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";

import type { Queue, Queues } from "../../api/types";
import { Page } from "../../app/Page";
import { Trouble } from "../../app/Trouble";
import { Waiting } from "../../app/Waiting";
import { useWords } from "../../i18n/useWords";
import { LastRuns } from "./LastRuns";
import { queuesQuery } from "./queries";
import { Redrive } from "./Redrive";

/** What waits in the queues, what failed, and what the functions did last. */
export default function OperationsPage() {
  const { t } = useWords();
  const queues = useQuery(queuesQuery);
  const [chosen, setChosen] = useState<string | null>(null);

  return (
    <Page title={t("ops.title")} lead={t("ops.lead")}>
      {queues.isPending ? (
        <Waiting />
      ) : queues.isError && !queues.data ? (
        <Trouble thrown={queues.error} onRetry={() => void queues.refetch()} />
      ) : (
        queues.data && (
          <>
            <Stack component="section" gap="xs" aria-labelledby="queues">
              <Title order={2} size="h4" id="queues">
                {t("ops.queues")}
              </Title>
              <Paper withBorder>
                <QueueTable queues={queues.data.items} onRedrive={setChosen} />
              </Paper>
            </Stack>
            <Stack component="section" gap="xs" aria-labelledby="schedules">
              <Title order={2} size="h4" id="schedules">
                {t("ops.schedules")}
              </Title>
              <Paper withBorder>
                <ScheduleTable schedules={queues.data.schedules} />
              </Paper>
            </Stack>
          </>
        )
      )}
      {chosen && <Redrive key={chosen} name={chosen} onClose={() => setChosen(null)} />}
    </Page>
  );
}

interface QueueTableProps {
  queues: Queue[];
  onRedrive(name: string): void;
}

function QueueTable({ queues, onRedrive }: QueueTableProps) {
  const { t, number } = useWords();
  const shown = (count: number | null) => (count === null ? t("ops.unknown") : number(count));
  return (
    <Table verticalSpacing="sm" horizontalSpacing="md" className="in-blocks">
      <Table.Thead>
        <Table.Tr>
          <Table.Th>{t("ops.queue")}</Table.Th>
          <Table.Th>{t("ops.messages")}</Table.Th>
          <Table.Th>{t("ops.dead_letters")}</Table.Th>
          <Table.Th>{t("ops.last_runs")}</Table.Th>
        </Table.Tr>
      </Table.Thead>
      <Table.Tbody>
        {queues.map((queue) => (
          <Table.Tr key={queue.name}>
            <Table.Td className="wrap-anywhere">
              <Text size="sm" fw={600}>
                {queue.name}
              </Text>
              <Text size="xs" c="dimmed">
                {queue.function}
              </Text>
            </Table.Td>
            <Table.Td>
              {t("ops.depth", {
                visible: shown(queue.visible),
                in_flight: shown(queue.in_flight),
              })}
            </Table.Td>
            <Table.Td>
              <Stack gap={4} align="flex-start">
                <Text size="sm" c={queue.dead_letters ? "red" : undefined}>
                  {t("ops.dead", { count: shown(queue.dead_letters) })}
                </Text>
                {queue.dead_letters !== null && queue.dead_letters > 0 && (
                  <Button
                    size="xs"
                    variant="default"
                    aria-label={t("ops.redrive_queue", { name: queue.name })}
                    onClick={() => onRedrive(queue.name)}
                  >
                    {t("ops.redrive")}
                  </Button>
                )}
              </Stack>
            </Table.Td>
            <Table.Td>
              <LastRuns runs={queue.last_runs} />
            </Table.Td>
          </Table.Tr>
        ))}
      </Table.Tbody>
    </Table>
  );
}

function ScheduleTable({ schedules }: { schedules: Queues["schedules"] }) {
  const { t } = useWords();
  return (
    <Table verticalSpacing="sm" horizontalSpacing="md" className="in-blocks">
      <Table.Thead>
        <Table.Tr>
          <Table.Th>{t("ops.function")}</Table.Th>
          <Table.Th>{t("ops.trigger")}</Table.Th>
          <Table.Th>{t("ops.last_runs")}</Table.Th>
        </Table.Tr>
      </Table.Thead>
      <Table.Tbody>
        {schedules.map((schedule) => (
          <Table.Tr key={schedule.name}>
            <Table.Td className="wrap-anywhere" fw={600}>
              {schedule.name}
            </Table.Td>
            <Table.Td>{schedule.trigger}</Table.Td>
            <Table.Td>
              <LastRuns runs={schedule.last_runs} />
            </Table.Td>
          </Table.Tr>
        ))}
      </Table.Tbody>
    </Table>
  );
}
