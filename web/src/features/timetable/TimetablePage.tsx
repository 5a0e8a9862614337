import { Box, Button, Group, Paper, Stack, Table, Text, Title } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";

import type { Week } from "../../api/types";
import { Empty } from "../../app/Empty";
import { Page } from "../../app/Page";
import { Trouble } from "../../app/Trouble";
import { useFilters } from "../../app/useFilters";
import { Waiting } from "../../app/Waiting";
import { useI18n } from "../../i18n/useI18n";
import { termsQuery } from "../terms/queries";
import { Feed } from "./Feed";
import { Lesson } from "./Lesson";
import { weekQuery } from "./queries";
import { meetingsIn, periodsIn, shownDays, weekAfter, weekOf } from "./rules";

/** One's own week: a table of days and periods, on a narrow screen a list by day. */
export default function TimetablePage() {
  const { t, day } = useI18n();
  const { values, set } = useFilters(["week"]);
  const week = useQuery(weekQuery(weekOf(values.week)));
  const terms = useQuery(termsQuery);

  if (week.isPending) return <Waiting />;
  if (!week.data) {
    return (
      <Page title={t("timetable.title")}>
        <Trouble thrown={week.error} onRetry={() => void week.refetch()} />
      </Page>
    );
  }
  const { days, term, week_number } = week.data;
  const monday = days[0]!.date;
  const name = terms.data?.find(({ code }) => code === term)?.name ?? term;
  const zones = new Map(terms.data?.map(({ code, timezone }) => [code, timezone]));
  const empty = days.every(({ meetings }) => meetings.length === 0);
  return (
    <Page
      title={t("timetable.title")}
      lead={
        <span role="status">
          {name && week_number !== null
            ? t("timetable.week", { number: week_number, term: name })
            : t("timetable.no_term")}
          {" · "}
          {day(monday)} – {day(days.at(-1)!.date)}
        </span>
      }
      actions={
        <>
          <Button variant="default" onClick={() => set("week", weekAfter(monday, -1))}>
            {t("timetable.previous")}
          </Button>
          <Button variant="default" onClick={() => set("week", "")}>
            {t("timetable.present")}
          </Button>
          <Button variant="default" onClick={() => set("week", weekAfter(monday, 1))}>
            {t("timetable.next")}
          </Button>
        </>
      }
    >
      <Box className={week.isPlaceholderData ? "stale" : undefined}>
        {empty ? (
          <Empty title={t("timetable.none")} text={t("timetable.none_text")} />
        ) : (
          <>
            <Paper withBorder visibleFrom="md">
              <Grid days={days} zones={zones} />
            </Paper>
            <Box hiddenFrom="md">
              <ByDay days={days} zones={zones} />
            </Box>
          </>
        )}
      </Box>
      <Feed />
    </Page>
  );
}

interface DaysProps {
  days: Week["days"];
  /** Time zones by the codes of terms. */
  zones: Map<string, string>;
}

function Grid({ days, zones }: DaysProps) {
  const { t, weekday, day } = useI18n();
  const shown = shownDays(days);
  return (
    <Table layout="fixed" withColumnBorders verticalSpacing="xs">
      <Table.Thead>
        <Table.Tr>
          <Table.Th w="5rem">{t("timetable.period")}</Table.Th>
          {shown.map((it) => (
            <Table.Th key={it.date}>
              {weekday(it.weekday)}
              <Text size="xs" c="dimmed">
                {day(it.date)}
              </Text>
            </Table.Th>
          ))}
        </Table.Tr>
      </Table.Thead>
      <Table.Tbody>
        {periodsIn(days).map((period) => (
          <Table.Tr key={period}>
            <Table.Th scope="row">{period}</Table.Th>
            {shown.map((it) => (
              <Table.Td key={it.date} className="wrap-anywhere" valign="top">
                {meetingsIn(it, period).map((meeting) => (
                  <Lesson
                    key={meeting.section.id}
                    meeting={meeting}
                    zone={zones.get(meeting.section.term)}
                  />
                ))}
              </Table.Td>
            ))}
          </Table.Tr>
        ))}
      </Table.Tbody>
    </Table>
  );
}

function ByDay({ days, zones }: DaysProps) {
  const { weekday, day } = useI18n();
  return (
    <Stack>
      {days
        .filter(({ meetings }) => meetings.length > 0)
        .map((it) => (
          <Paper key={it.date} withBorder p="md">
            <Title order={2} size="h5" mb="xs">
              {weekday(it.weekday)} · {day(it.date)}
            </Title>
            <Stack gap="sm">
              {it.meetings.map((meeting, index) => (
                <Group key={index} gap="sm" wrap="nowrap" align="flex-start">
                  <Lesson meeting={meeting} zone={zones.get(meeting.section.term)} withPeriods />
                </Group>
              ))}
            </Stack>
          </Paper>
        ))}
    </Stack>
  );
}
