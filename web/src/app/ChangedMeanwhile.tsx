import { Alert, Button, Stack, Text } from "@mantine/core";

import { useI18n } from "../i18n/useI18n";

/** The answer to a 412: somebody was faster; look at what they did before going on. */
export function ChangedMeanwhile({ text, onReload }: { text: string; onReload(): void }) {
  const { t } = useI18n();
  return (
    <Alert role="alert" color="orange" title={t("app.changed")}>
      <Stack gap="xs" align="flex-start">
        <Text size="sm">{text}</Text>
        <Button size="xs" variant="default" onClick={onReload}>
          {t("app.changed_reload")}
        </Button>
      </Stack>
    </Alert>
  );
}
