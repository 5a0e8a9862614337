import { Badge } from "@mantine/core";

import type { TaskState } from "../../api/types";
import { useI18n } from "../../i18n/useI18n";

const COLOURS: Record<TaskState, string> = {
  PENDING: "gray",
  PROGRESS: "indigo",
  SUCCESS: "teal",
  FAILURE: "red",
};

export function StateBadge({ state }: { state: TaskState }) {
  const { t } = useI18n();
  return (
    <Badge color={COLOURS[state]} variant="light" tt="none" miw="max-content">
      {t(`tasks.state.${state}`)}
    </Badge>
  );
}
