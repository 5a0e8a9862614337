import { Badge } from "@mantine/core";

import type { SectionStatus } from "../../api/types";
import { useI18n } from "../../i18n/useI18n";

const COLOURS: Record<SectionStatus, string> = {
  draft: "orange",
  published: "teal",
  archived: "gray",
};

export function StatusBadge({ status }: { status: SectionStatus }) {
  const { t } = useI18n();
  return (
    <Badge color={COLOURS[status]} variant="light" tt="none" miw="max-content">
      {t(`sections.status.${status}`)}
    </Badge>
  );
}
