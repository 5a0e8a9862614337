import { Button } from "@mantine/core";

import { DownloadIcon } from "../../app/icons";
import { useI18n } from "../../i18n/useI18n";

export function ExportButton({ starting, onStart }: { starting: boolean; onStart(): void }) {
  const { t } = useI18n();
  return (
    <Button variant="default" leftSection={<DownloadIcon />} loading={starting} onClick={onStart}>
      {t("exports.start")}
    </Button>
  );
}
