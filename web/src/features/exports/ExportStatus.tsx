import { Alert, Group, Loader, Stack, Text } from "@mantine/core";

import { Trouble } from "../../app/Trouble";
import { useI18n } from "../../i18n/useI18n";
import { DownloadButton } from "../tasks/DownloadButton";
import { useTask } from "../tasks/queries";
import { isOver, rowCount } from "../tasks/rules";

interface Props {
  taskId: string | null;
  subject: string;
  failure: unknown;
  close(): void;
}

/** What became of the export that was started here: it is written, then it can be downloaded. */
export function ExportStatus({ taskId, subject, failure, close }: Props) {
  if (failure) return <Trouble thrown={failure} />;
  return taskId && <Following taskId={taskId} subject={subject} close={close} />;
}

interface FollowingProps {
  taskId: string;
  subject: string;
  close(): void;
}

function Following({ taskId, subject, close }: FollowingProps) {
  const { t, code } = useI18n();
  const { data, error } = useTask(taskId);
  const task = data?.task;

  if (error && !data) return <Trouble thrown={error} />;
  if (task?.state === "FAILURE") {
    return (
      <Alert role="alert" color="red" title={t("tasks.failed_title_other")}>
        {code("error", task.error?.code ?? "unknown")}
      </Alert>
    );
  }
  const done = task !== undefined && isOver(task);
  const rows = task ? rowCount(task) : null;
  return (
    <Alert
      color={done ? "teal" : "indigo"}
      withCloseButton={done}
      closeButtonLabel={t("exports.close")}
      onClose={close}
    >
      <Stack gap="sm" align="flex-start">
        <Group gap="xs" role="status" wrap="nowrap">
          {!done && <Loader size="xs" />}
          <Text size="sm">
            {done ? t("exports.ready", { subject }) : t("exports.preparing", { subject })}
            {done && rows !== null && ` (${t("tasks.rows", { count: rows })})`}
          </Text>
        </Group>
        {done && <DownloadButton taskId={taskId} what="download" label={t("exports.download")} />}
      </Stack>
    </Alert>
  );
}
