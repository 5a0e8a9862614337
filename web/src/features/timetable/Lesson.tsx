import { Anchor, Box, Text } from "@mantine/core";
import { Link } from "react-router";

import { useI18n } from "../../i18n/useI18n";
import { nameOf, periodsOf } from "../sections/rules";
import type { Meeting } from "./rules";

interface Props {
  meeting: Meeting;
  /** The time zone of its term, once it is known. */
  zone?: string;
  withPeriods?: boolean;
}

/** A meeting in a week: what, where, and when by the clock of the school. */
export function Lesson({ meeting, zone, withPeriods }: Props) {
  const { t, time } = useI18n();
  return (
    <Box className="wrap-anywhere">
      <Anchor component={Link} size="sm" fw={600} to={`/sections/${meeting.section.id}`}>
        {nameOf(meeting.section)}
      </Anchor>
      <Text size="sm">{meeting.section.course.title}</Text>
      <Text size="xs" c="dimmed">
        {withPeriods && `${t("timetable.period")} ${periodsOf(meeting)} · `}
        {zone && `${time(meeting.starts_at, zone)}–${time(meeting.ends_at, zone)}`}
        {meeting.room && ` · ${meeting.room}`}
      </Text>
    </Box>
  );
}
