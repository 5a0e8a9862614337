import { Progress, Stack, Text } from "@mantine/core";

import type { Task } from "../../api/types";
import { useI18n } from "../../i18n/useI18n";

/** How far a task is: a share where the total is known, else that it moves. */
export function TaskProgress({ task }: { task: Task }) {
  const { t } = useI18n();
  const { done, total } = task.progress;
  const label = t(task.state === "PENDING" ? "tasks.waiting_text" : "tasks.running_text");
  return (
    <Stack gap="xs">
      <Text role="status">{label}</Text>
      <Progress value={total ? (done / total) * 100 : 100} animated={!total} aria-label={label} />
      {done > 0 && (
        <Text size="sm" c="dimmed">
          {total ? t("tasks.progress", { done, total }) : t("tasks.progress_open", { count: done })}
        </Text>
      )}
    </Stack>
  );
}
