import { Anchor, Button, Group, Paper, Stack, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link, useParams } from "react-router";

import type { Announcement } from "../../api/types";
import { Page } from "../../app/Page";
import { Trouble } from "../../app/Trouble";
import { Waiting } from "../../app/Waiting";
import { useWords } from "../../i18n/useWords";
import { Files } from "../messages/Files";
import { Written } from "../messages/Written";
import { AudienceText } from "./AudienceText";
import { Figures } from "./Figures";
import { History } from "./History";
import { Posts } from "./Posts";
import { announcementQuery } from "./queries";
import { Recipients } from "./Recipients";
import { isListing } from "./rules";
import { StatusBadge } from "./StatusBadge";
import { useAudienceOptions } from "./useAudienceOptions";
import { Withdraw } from "./Withdraw";

/** One announcement as its author sees it: what it says, who has read it, and what it said before. */
export default function AnnouncementPage() {
  const { t } = useWords();
  const id = Number(useParams().id);
  const announcement = useQuery(announcementQuery(id));

  if (announcement.isPending) return <Waiting />;
  if (!announcement.data) {
    return (
      <Page title={t("messages.title")} lead={<Back />}>
        <Trouble thrown={announcement.error} onRetry={() => void announcement.refetch()} />
      </Page>
    );
  }
  const { data } = announcement.data;
  return (
    <Page
      title={data.title}
      lead={<Back />}
      actions={
        data.status !== "withdrawn" && (
          <>
            <Button component={Link} to="edit" variant="default">
              {t("announcements.edit")}
            </Button>
            <Withdraw announcement={data} />
          </>
        )
      }
    >
      <Content announcement={data} />
      <Posts announcement={data} />
      {data.status !== "scheduled" && (
        <>
          <Figures announcement={data} />
          <Recipients announcement={data} />
        </>
      )}
      <History announcement={data} />
    </Page>
  );
}

function Content({ announcement }: { announcement: Announcement }) {
  const { t, dateTime } = useWords();
  const { status, publisher, published_at, publish_at, withdrawn_at, version } = announcement;
  return (
    <Paper withBorder p="lg">
      <Stack>
        <Group gap="xs">
          <StatusBadge status={status} />
          <Text size="sm" c="dimmed" className="wrap-anywhere">
            {t("inbox.by", {
              name: publisher.full_name || publisher.username,
              when: dateTime(published_at ?? publish_at),
            })}
            {version > 1 && ` · ${t("announcements.version", { number: version })}`}
          </Text>
        </Group>
        {status === "scheduled" && (
          <Text>{t("announcements.waits", { when: dateTime(publish_at) })}</Text>
        )}
        {withdrawn_at && (
          <Text>{t("announcements.withdrawn_on", { when: dateTime(withdrawn_at) })}</Text>
        )}
        <For announcement={announcement} />
        <Written html={announcement.html} />
        <Files files={announcement.attachments} />
      </Stack>
    </Paper>
  );
}

/** Whom it is for; sections and courses by name, as far as that is no long list. */
function For({ announcement: { audience } }: { announcement: Announcement }) {
  const { t } = useWords();
  const options = useAudienceOptions(audience.kind === "users" ? undefined : audience) ?? [];
  const shown = options.slice(0, MOST_SHOWN);
  return (
    <div>
      <Text size="sm">
        {t("announcements.for")}: <AudienceText audience={audience} />
      </Text>
      {isListing(audience.kind) && shown.length > 0 && (
        <Stack component="ul" gap={2} m={0} pl="lg">
          {shown.map(({ value, label }) => (
            <li key={value}>
              <Anchor
                component={Link}
                size="sm"
                className="wrap-anywhere"
                to={`/${audience.kind}s/${value}`}
              >
                {label}
              </Anchor>
            </li>
          ))}
          {options.length > shown.length && (
            <Text component="li" size="sm">
              {t("announcements.more", { count: options.length - shown.length })}
            </Text>
          )}
        </Stack>
      )}
    </div>
  );
}

const MOST_SHOWN = 5;

function Back() {
  const { t } = useWords();
  return (
    <Anchor component={Link} to="/messages?tab=published" size="sm">
      ← {t("announcements.back")}
    </Anchor>
  );
}
