import { Anchor, Button, Paper, Table, Text } from "@mantine/core";
import { useInfiniteQuery } from "@tanstack/react-query";
import { Link } from "react-router";

import type { Task } from "../../api/types";
import { Empty } from "../../app/Empty";
import { LoadMore } from "../../app/LoadMore";
import { Page } from "../../app/Page";
import { Trouble } from "../../app/Trouble";
import { Waiting } from "../../app/Waiting";
import { useI18n } from "../../i18n/useI18n";
import { tasksQuery } from "./queries";
import { importCounts, rowCount, titleOf, tookMilliseconds } from "./rules";
import { StateBadge } from "./StateBadge";

/** What one has set in motion, newest first. */
export default function TasksPage() {
  const { t } = useI18n();
  const tasks = useInfiniteQuery(tasksQuery);
  const items = tasks.data?.pages.flatMap((page) => page.items) ?? [];

  return (
    <Page title={t("tasks.title")}>
      {tasks.isPending ? (
        <Waiting />
      ) : tasks.isError && items.length === 0 ? (
        <Trouble thrown={tasks.error} onRetry={() => void tasks.refetch()} />
      ) : items.length === 0 ? (
        <Empty title={t("tasks.none")} text={t("tasks.none_text")}>
          <Button component={Link} to="/imports" variant="default" mt="sm">
            {t("nav.imports")}
          </Button>
        </Empty>
      ) : (
        <>
          <Paper withBorder>
            <TaskTable tasks={items} />
          </Paper>
          <LoadMore
            shown={items.length}
            hasMore={tasks.hasNextPage}
            loading={tasks.isFetchingNextPage}
            onMore={() => void tasks.fetchNextPage()}
          />
        </>
      )}
    </Page>
  );
}

function TaskTable({ tasks }: { tasks: Task[] }) {
  const { t, dateTime, locale } = useI18n();
  const seconds = new Intl.NumberFormat(locale, {
    style: "unit",
    unit: "second",
    maximumFractionDigits: 1,
  });
  return (
    <Table verticalSpacing="sm" horizontalSpacing="md">
      <Table.Thead>
        <Table.Tr>
          <Table.Th>{t("tasks.what")}</Table.Th>
          <Table.Th className="narrow">{t("tasks.state")}</Table.Th>
          <Table.Th visibleFrom="sm">{t("tasks.started")}</Table.Th>
          <Table.Th visibleFrom="md" className="numeric">
            {t("tasks.took")}
          </Table.Th>
        </Table.Tr>
      </Table.Thead>
      <Table.Tbody>
        {tasks.map((task) => {
          const took = tookMilliseconds(task);
          return (
            <Table.Tr key={task.id}>
              <Table.Td>
                <Anchor component={Link} size="sm" to={`/tasks/${task.id}`}>
                  {t(titleOf(task))}
                </Anchor>
                {task.filename && (
                  <Text size="sm" className="wrap-anywhere">
                    {task.filename}
                  </Text>
                )}
                <Outcome task={task} />
                <Text size="xs" c="dimmed" hiddenFrom="sm">
                  {dateTime(task.created_at)}
                </Text>
              </Table.Td>
              <Table.Td>
                <StateBadge state={task.state} />
              </Table.Td>
              <Table.Td visibleFrom="sm">{dateTime(task.created_at)}</Table.Td>
              <Table.Td visibleFrom="md" className="numeric">
                {took === null ? "" : seconds.format(took / 1000)}
              </Table.Td>
            </Table.Tr>
          );
        })}
      </Table.Tbody>
    </Table>
  );
}

function Outcome({ task }: { task: Task }) {
  const { t, code } = useI18n();
  const counts = importCounts(task.result);
  const rows = rowCount(task);
  let text = "";
  if (task.error) text = code("error", task.error.code);
  else if (counts) text = t("tasks.summary", { ...counts, errorReport: "" });
  else if (rows !== null) text = t("tasks.rows", { count: rows });
  return (
    <Text size="sm" c="dimmed">
      {text}
    </Text>
  );
}
