import { Alert, Button, Group, Paper, Stack, Text, Title } from "@mantine/core";
import type { ReactNode } from "react";

import type { AudiencePreview } from "../../api/types";
import type { Option } from "../../app/SearchSelect";
import { useWords } from "../../i18n/useWords";
import { Files } from "../messages/Files";
import { Written } from "../messages/Written";
import { Figure, FigureRow } from "./Figure";
import type { AnnouncementFields } from "./rules";

interface Props {
  fields: AnnouncementFields;
  found: AudiencePreview;
  /** Whether whom it reaches is still open: it is not out yet. */
  published: boolean;
  /** What happens on sending, in words. */
  outcome: string;
  /** The channels that hear of it, too. */
  told: Option[];
  sendLabel: string;
  sending: boolean;
  onSend(): void;
  onBack(): void;
  /** What went wrong, above the buttons. */
  children?: ReactNode;
}

/** How an announcement will look and whom it reaches, before it is sent. */
export function Preview(props: Props) {
  const { t, locale } = useWords();
  const { fields, found } = props;
  return (
    <Stack>
      <Paper component="article" withBorder p="lg">
        <Stack>
          <Title order={2} size="h3" className="wrap-anywhere">
            {fields.title.trim()}
          </Title>
          <Written html={found.html ?? ""} />
          <Files files={fields.attachments} />
        </Stack>
      </Paper>
      {!props.published && <Reach found={found} />}
      <Text>{props.outcome}</Text>
      {props.told.length > 0 && (
        <Text className="wrap-anywhere">
          {t("announcements.posted_to", {
            names: new Intl.ListFormat(locale).format(props.told.map(({ label }) => label)),
          })}
        </Text>
      )}
      {props.children}
      <Group gap="xs">
        <Button loading={props.sending} onClick={props.onSend}>
          {props.sendLabel}
        </Button>
        <Button variant="default" onClick={props.onBack}>
          {t("announcements.keep_writing")}
        </Button>
      </Group>
    </Stack>
  );
}

function Reach({ found }: { found: AudiencePreview }) {
  const { t, number } = useWords();
  if (found.audience === 0) {
    return (
      <Alert color="orange" title={t("announcements.reaches_nobody")}>
        {t("announcements.reaches_nobody_text")}
      </Alert>
    );
  }
  const notMailed = found.no_address + found.suppressed + found.mail_off;
  return (
    <Paper withBorder p="lg">
      <Stack>
        <Text fw={600}>{t("announcements.reaches", { count: found.audience })}</Text>
        <FigureRow>
          <Figure label={t("announcements.mailed_at_once")}>{number(found.mailed_at_once)}</Figure>
          <Figure label={t("announcements.mailed_in_digest")}>
            {number(found.mailed_in_digest)}
          </Figure>
          <Figure label={t("announcements.not_mailed")}>{number(notMailed)}</Figure>
        </FigureRow>
        {notMailed > 0 && (
          <Stack gap="xs">
            <Text size="sm" c="dimmed">
              {t("announcements.not_mailed_text")}
            </Text>
            <details>
              <summary>{t("announcements.not_mailed_list")}</summary>
              {notMailed > found.not_mailed.length && (
                <Text size="sm" mt="xs">
                  {t("announcements.not_mailed_first", { count: found.not_mailed.length })}
                </Text>
              )}
              <Stack component="ul" gap={4} mb={0} pl="lg">
                {found.not_mailed.map(({ user, reason }) => (
                  <li key={user.id} className="wrap-anywhere">
                    {user.full_name || user.username} · {t(`announcements.reason.${reason}`)}
                  </li>
                ))}
              </Stack>
            </details>
          </Stack>
        )}
      </Stack>
    </Paper>
  );
}
