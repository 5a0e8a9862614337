import { Center, Loader } from "@mantine/core";

import { useI18n } from "../i18n/useI18n";

/** A page or a part of it that is on its way. */
export function Waiting() {
  const { t } = useI18n();
  return (
    <Center mih="12rem">
      <Loader role="status" aria-label={t("app.loading")} />
    </Center>
  );
}
