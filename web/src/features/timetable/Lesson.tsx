import { Anchor, Box, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link } from "react-router";

import { useI18n } from "../../i18n/useI18n";
import { nameOf, periodsOf } from "../sections/rules";
import { termsQuery } from "../terms/queries";
import type { Meeting } from "./rules";

/** A meeting in a week: what, where, and when by the clock of the school. */
export function Lesson({ meeting, withPeriods }: { meeting: Meeting; withPeriods?: boolean }) {
  const { t, time } = useI18n();
  const terms = useQuery(termsQuery);
  const zone = terms.data?.find(({ code }) => code === meeting.section.term)?.timezone;
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
