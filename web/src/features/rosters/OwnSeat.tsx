import { Badge, Button, Group, Paper, Stack, Text, Title } from "@mantine/core";
import { useInfiniteQuery } from "@tanstack/react-query";

import type { Enrollment, Section } from "../../api/types";
import { Trouble } from "../../app/Trouble";
import { useNotice } from "../../app/useNotice";
import { Waiting } from "../../app/Waiting";
import { useI18n } from "../../i18n/useI18n";
import { nameOf } from "../sections/rules";
import { useMe } from "../session/me";
import { rosterQuery, useEnroll, useWithdraw } from "./queries";

/** A student's own place in a section: taken, given up, or the place in line for it. */
export function OwnSeat({ section }: { section: Section }) {
  const { t } = useI18n();
  const roster = useInfiniteQuery(rosterQuery(section.id));
  return (
    <Paper component="section" withBorder p="lg" aria-labelledby="seat">
      <Stack align="flex-start">
        <Title order={2} size="h4" id="seat">
          {t("rosters.own")}
        </Title>
        {roster.data ? (
          <Seat section={section} enrollment={roster.data.pages[0]?.items[0] ?? null} />
        ) : roster.isError ? (
          <Trouble thrown={roster.error} onRetry={() => void roster.refetch()} />
        ) : (
          <Waiting />
        )}
      </Stack>
    </Paper>
  );
}

function Seat({ section, enrollment }: { section: Section; enrollment: Enrollment | null }) {
  const { t } = useI18n();
  const me = useMe();
  const notice = useNotice();
  const enrolling = useEnroll(section.id);
  const withdrawing = useWithdraw(section.id);
  const failure = enrolling.error ?? withdrawing.error;
  const name = nameOf(section);
  const enroll = () => {
    withdrawing.reset();
    enrolling.mutate(me.id, {
      onSuccess: ({ status, position }) =>
        notice(
          status === "enrolled"
            ? t("rosters.you_are_in", { name })
            : t("rosters.you_wait", { name, position: position ?? 0 }),
        ),
    });
  };
  const withdraw = () => {
    enrolling.reset();
    withdrawing.mutate(me.id, { onSuccess: () => notice(t("rosters.you_left", { name })) });
  };

  return (
    <>
      {failure && <Trouble thrown={failure} />}
      {enrollment ? (
        <Group gap="sm">
          <PlaceBadge enrollment={enrollment} />
          {section.status !== "archived" && (
            <Button
              variant="light"
              color="red"
              size="xs"
              loading={withdrawing.isPending}
              onClick={withdraw}
            >
              {t(enrollment.status === "enrolled" ? "rosters.withdraw" : "rosters.leave_line")}
            </Button>
          )}
        </Group>
      ) : section.status === "published" ? (
        <Group gap="sm">
          <Button loading={enrolling.isPending} onClick={enroll}>
            {t(section.enrolled < section.capacity ? "rosters.enrol" : "rosters.queue")}
          </Button>
          {section.enrolled >= section.capacity && (
            <Text size="sm" c="dimmed">
              {t("rosters.full")}
            </Text>
          )}
        </Group>
      ) : (
        <Text c="dimmed">{t("rosters.not_in")}</Text>
      )}
    </>
  );
}

export function PlaceBadge({ enrollment }: { enrollment: Enrollment }) {
  const { t } = useI18n();
  const enrolled = enrollment.status === "enrolled";
  return (
    <Badge color={enrolled ? "teal" : "orange"} variant="light" tt="none" miw="max-content">
      {enrolled
        ? t("rosters.enrolled")
        : t("rosters.place", { position: enrollment.position ?? 0 })}
    </Badge>
  );
}
