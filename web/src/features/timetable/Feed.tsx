import { Button, CopyButton, Group, Paper, Stack, Text, TextInput, Title } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";

import { answered, api } from "../../api/client";
import { Confirmation } from "../../app/Confirmation";
import { Trouble } from "../../app/Trouble";
import { useNotice } from "../../app/useNotice";
import { useI18n } from "../../i18n/useI18n";

/** The address from which a calendar reads one's timetable; shown when it is asked for. */
export function Feed() {
  const { t } = useI18n();
  const notice = useNotice();
  const [asking, setAsking] = useState(false);
  const shown = useMutation({ mutationFn: () => answered(api.GET("/api/timetable/feed")) });
  const rotated = useMutation({
    mutationFn: () => answered(api.POST("/api/timetable/feed/rotate")),
    onSuccess: () => {
      setAsking(false);
      notice(t("feed.rotated"));
    },
  });
  const url = rotated.data?.url ?? shown.data?.url;

  return (
    <Paper component="section" withBorder p="lg" aria-labelledby="feed">
      <Stack align="flex-start">
        <Title order={2} size="h4" id="feed">
          {t("feed.title")}
        </Title>
        <Text>{t("feed.lead")}</Text>
        {shown.isError && <Trouble thrown={shown.error} />}
        {url ? (
          <>
            <TextInput
              label={t("feed.url")}
              description={t("feed.secret")}
              value={url}
              readOnly
              w="100%"
              onFocus={(event) => event.currentTarget.select()}
            />
            <Group gap="xs">
              <CopyButton value={url}>
                {({ copied, copy }) => (
                  <Button onClick={copy}>{t(copied ? "feed.copied" : "feed.copy")}</Button>
                )}
              </CopyButton>
              <Button variant="default" onClick={() => setAsking(true)}>
                {t("feed.rotate")}
              </Button>
            </Group>
          </>
        ) : (
          <Button variant="default" loading={shown.isPending} onClick={() => shown.mutate()}>
            {t("feed.show")}
          </Button>
        )}
      </Stack>
      <Confirmation
        title={t("feed.rotate_title")}
        text={t("feed.rotate_text")}
        action={t("feed.rotate")}
        opened={asking}
        doing={rotated.isPending}
        onConfirm={() => rotated.mutate()}
        onClose={() => setAsking(false)}
      >
        {rotated.isError && <Trouble thrown={rotated.error} />}
      </Confirmation>
    </Paper>
  );
}
