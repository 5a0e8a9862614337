import { Anchor, Box, Text } from "@mantine/core";
import { Link } from "react-router";

import { useI18n } from "../../i18n/useI18n";
import { nameOf, periodsOf } from "../sections/rules";
import type { Meeting } from "./rules";

/** A meeting in a week: what, where, and when by the reader's clock. */
export function Lesson({ meeting, withPeriods }: { meeting: Meeting; withPeriods?: boolean }) {
  const { t, time } = useI18n();
  return (
    <Box className="wrap-anywhere">
      <Anchor component={Link} size="sm" fw={600} to={`/sections/${meeting.section.id}`}>
        {nameOf(meeting.section)}
      </Anchor>
      <Text size="sm">{meeting.section.course.title}</Text>
      <Text size="xs" c="dimmed">
        {withPeriods && `${t("timetable.period")} ${periodsOf(meeting)} · `}
        {time(meeting.starts_at)}–{time(meeting.ends_at)}
        {meeting.room && ` · ${meeting.room}`}
      </Text>
    </Box>
  );
}
