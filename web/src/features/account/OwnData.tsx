import { Button, Group } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";

import { DownloadIcon } from "../../app/icons";
import { Trouble } from "../../app/Trouble";
import { useI18n } from "../../i18n/useI18n";
import { readOwnData } from "./queries";
import { Section } from "./Section";

const FILENAME = "rollcall-my-data.json";

/** All that the school keeps on whoever asks, as a file. */
export function OwnData() {
  const { t } = useI18n();
  const download = useMutation({ mutationFn: readOwnData, onSuccess: save });
  return (
    <Section title={t("account.data")} lead={t("account.data_lead")}>
      {download.isError && <Trouble thrown={download.error} />}
      <Group>
        <Button
          variant="light"
          leftSection={<DownloadIcon />}
          loading={download.isPending}
          onClick={() => download.mutate()}
        >
          {t("account.data_download")}
        </Button>
      </Group>
    </Section>
  );
}

function save(file: Blob): void {
  const address = URL.createObjectURL(file);
  const link = document.createElement("a");
  link.href = address;
  link.download = FILENAME;
  link.click();
  // Not at once: the browser begins to read only after this.
  window.setTimeout(() => URL.revokeObjectURL(address), 60_000);
}
