import { Button, Group, Paper, Progress, Stack, Text, Title } from "@mantine/core";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect } from "react";

import type { Announcement, AnnouncementStats } from "../../api/types";
import { DownloadIcon } from "../../app/icons";
import { Trouble } from "../../app/Trouble";
import { Waiting } from "../../app/Waiting";
import { useWords } from "../../i18n/useWords";
import { ExportStatus } from "../exports/ExportStatus";
import { useExport } from "../exports/useExport";
import { Figure, FigureRow } from "./Figure";
import { statsQuery } from "./queries";
import { Remind } from "./Remind";
import { percent } from "./rules";

/** Who has it, who was shown it, who has confirmed; and what to do about the others. */
export function Figures({ announcement }: { announcement: Announcement }) {
  const { t } = useWords();
  const queries = useQueryClient();
  const stats = useQuery(statsQuery(announcement.id));
  const gone = stats.data?.fanout.done;

  // What has gone out since is in the list of recipients, too.
  useEffect(() => {
    void queries.invalidateQueries({ queryKey: ["announcements", "recipients", announcement.id] });
  }, [gone, announcement.id, queries]);

  return (
    <Paper component="section" withBorder p="lg" aria-labelledby="figures">
      <Stack>
        <Group justify="space-between" gap="xs">
          <Title order={2} size="h4" id="figures">
            {t("announcements.figures")}
          </Title>
          <Button
            variant="default"
            size="xs"
            loading={stats.isRefetching}
            onClick={() => void queries.invalidateQueries({ queryKey: ["announcements"] })}
          >
            {t("announcements.refresh")}
          </Button>
        </Group>
        {stats.data ? (
          <Shown announcement={announcement} stats={stats.data} />
        ) : stats.isError ? (
          <Trouble thrown={stats.error} onRetry={() => void stats.refetch()} />
        ) : (
          <Waiting />
        )}
      </Stack>
    </Paper>
  );
}

interface Props {
  announcement: Announcement;
  stats: AnnouncementStats;
}

function Shown({ announcement, stats }: Props) {
  const { t, number } = useWords();
  const { audience, acknowledged, ack_rate } = stats;
  const share = percent(ack_rate);
  const text = t(announcement.requires_ack ? "announcements.rate" : "announcements.rate_read", {
    acknowledged,
    audience,
    percent: share,
  });
  return (
    <>
      <FanOut stats={stats} />
      <Stack gap="xs">
        <Text>{text}</Text>
        <Progress value={share} color="teal" aria-label={text} />
      </Stack>
      <FigureRow>
        <Figure label={t("announcements.audience_size")}>{number(audience)}</Figure>
        <Figure label={t("announcements.state.queued")}>{number(stats.queued)}</Figure>
        <Figure label={t("announcements.state.delivered")}>{number(stats.delivered)}</Figure>
        <Figure
          label={t(
            announcement.requires_ack
              ? "announcements.state.acknowledged"
              : "announcements.state.read",
          )}
        >
          {number(acknowledged)}
        </Figure>
        <Figure label={t("announcements.reminders")}>{number(stats.reminders)}</Figure>
      </FigureRow>
      {acknowledged < audience && <Unacknowledged announcement={announcement} />}
    </>
  );
}

/** How far the deliveries have come, while they go out. */
function FanOut({ stats: { fanout } }: { stats: AnnouncementStats }) {
  const { t } = useWords();
  if (fanout.state === "done") return null;
  const { done, total } = fanout;
  const text = total
    ? t("announcements.going_out", { done, total })
    : t("announcements.going_out_soon");
  return (
    <Stack gap="xs">
      <Text size="sm" role="status">
        {text}
      </Text>
      <Progress value={total ? (done / total) * 100 : 100} animated={!total} aria-label={text} />
    </Stack>
  );
}

/** What to do about those who have not confirmed: remind them, or take out who they are. */
function Unacknowledged({ announcement: { id, status } }: { announcement: Announcement }) {
  const { t } = useWords();
  const exported = useExport();
  return (
    <Stack gap="sm" align="flex-start">
      <Group gap="xs">
        {status === "published" && <Remind id={id} />}
        <Button
          variant="default"
          leftSection={<DownloadIcon />}
          loading={exported.starting}
          onClick={() =>
            exported.start({
              kind: "unacknowledged",
              filters: { announcement: id },
              subject: t("announcements.export_subject"),
            })
          }
        >
          {t("announcements.export")}
        </Button>
      </Group>
      <ExportStatus {...exported} />
    </Stack>
  );
}
