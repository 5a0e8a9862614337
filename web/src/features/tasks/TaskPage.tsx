import { Alert, Anchor, Button, Group, Paper, Stack, Text } from "@mantine/core";
import { lazy, Suspense } from "react";
import { Link, useParams } from "react-router";

import { asProblem } from "../../api/problem";
import type { Task } from "../../api/types";
import { Page } from "../../app/Page";
import { Trouble } from "../../app/Trouble";
import { Waiting } from "../../app/Waiting";
import { useI18n } from "../../i18n/useI18n";
import { kindOf, PAGES } from "../imports/kinds";
import { DownloadButton } from "./DownloadButton";
import { ImportCounts } from "./ImportCounts";
import { useTask } from "./queries";
import { importCounts, isOver, purposeOf, rowCount, titleOf } from "./rules";
import { StateBadge } from "./StateBadge";
import { TaskProgress } from "./TaskProgress";

const Plan = lazy(() => import("../imports/Plan"));

/** One task, from waiting to its result; the page can be left and come back to. */
export default function TaskPage() {
  const { t } = useI18n();
  const id = useParams().id!;
  const { data, error, refetch } = useTask(id);

  if (!data) {
    if (!error) return <Waiting />;
    return (
      <Page title={t("tasks.title")} lead={<Back />}>
        <Trouble thrown={error} onRetry={() => void refetch()} />
      </Page>
    );
  }
  const { task } = data;
  return (
    <Page
      title={t(titleOf(task))}
      lead={
        <>
          <Back />
          {task.filename && <Text className="wrap-anywhere">{task.filename}</Text>}
        </>
      }
      actions={<StateBadge state={task.state} />}
    >
      {error && !isOver(task) && <Away thrown={error} onRetry={() => void refetch()} />}
      {isOver(task) ? <Over task={task} /> : <Running task={task} />}
    </Page>
  );
}

function Running({ task }: { task: Task }) {
  return (
    <Paper withBorder p="lg">
      <TaskProgress task={task} />
    </Paper>
  );
}

function Over({ task }: { task: Task }) {
  const { t, code } = useI18n();
  const purpose = purposeOf(task);
  if (task.state === "FAILURE") {
    const asImport = purpose === "import" || purpose === "plan";
    return (
      <Alert
        role="alert"
        color="red"
        title={t(asImport ? "tasks.failed_title" : "tasks.failed_title_other")}
      >
        <Stack gap="xs" align="flex-start">
          <Text size="sm">{code("error", task.error?.code ?? "unknown")}</Text>
          {asImport && <Text size="sm">{t("tasks.failed_text")}</Text>}
          {asImport && <AnotherFile task={task} />}
        </Stack>
      </Alert>
    );
  }
  if (purpose === "export") return <ExportResult task={task} />;
  return <ImportResult task={task} />;
}

function ExportResult({ task }: { task: Task }) {
  const { t } = useI18n();
  const rows = rowCount(task);
  return (
    <Paper withBorder p="lg">
      <Stack align="flex-start">
        {rows !== null && <Text role="status">{t("tasks.rows", { count: rows })}</Text>}
        <DownloadButton taskId={task.id} what="download" label={t("tasks.download")} />
      </Stack>
    </Paper>
  );
}

function ImportResult({ task }: { task: Task }) {
  const { t } = useI18n();
  const counts = importCounts(task.result);
  const planned = purposeOf(task) === "plan";
  if (!counts) return null;
  return (
    <>
      <Text role="status" c="dimmed">
        {planned ? t("plan.lead") : t("tasks.done_text", { count: counts.total })}
      </Text>
      <ImportCounts counts={counts} />
      {counts.errorReport && (
        <Alert color="orange" title={t("tasks.report_title")}>
          <Stack gap="sm" align="flex-start">
            <Text size="sm">{t("tasks.report_text", { count: counts.failed })}</Text>
            <DownloadButton taskId={task.id} what="errors" label={t("tasks.report")} />
          </Stack>
        </Alert>
      )}
      {planned ? (
        <Suspense fallback={<Waiting />}>
          <Plan task={task} counts={counts} />
        </Suspense>
      ) : (
        <Group gap="xs">
          <Button component={Link} to={PAGES[kindOf(task)]}>
            {t(`kind.${kindOf(task)}`)}
          </Button>
          <AnotherFile task={task} />
        </Group>
      )}
    </>
  );
}

function Away({ thrown, onRetry }: { thrown: unknown; onRetry(): void }) {
  const { t } = useI18n();
  if (!asProblem(thrown).passing) return <Trouble thrown={thrown} onRetry={onRetry} />;
  return (
    <Alert role="status" color="orange">
      {t("tasks.away")}
    </Alert>
  );
}

function AnotherFile({ task }: { task: Task }) {
  const { t } = useI18n();
  return (
    <Button component={Link} to={`/imports?kind=${kindOf(task)}`} variant="default">
      {t("tasks.again")}
    </Button>
  );
}

function Back() {
  const { t } = useI18n();
  return (
    <Anchor component={Link} to="/tasks" size="sm">
      ← {t("tasks.back")}
    </Anchor>
  );
}
