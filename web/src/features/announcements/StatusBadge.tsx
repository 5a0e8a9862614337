import { Badge } from "@mantine/core";

import type { AnnouncementStatus } from "../../api/types";
import { useWords } from "../../i18n/useWords";

const COLOURS: Record<AnnouncementStatus, string> = {
  scheduled: "orange",
  published: "teal",
  withdrawn: "gray",
};

export function StatusBadge({ status }: { status: AnnouncementStatus }) {
  const { t } = useWords();
  return (
    <Badge color={COLOURS[status]} variant="light" tt="none" miw="max-content">
      {t(`announcements.status.${status}`)}
    </Badge>
  );
}
