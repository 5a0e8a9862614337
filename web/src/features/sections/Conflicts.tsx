import { Alert, Anchor, List, Stack, Text } from "@mantine/core";
import type { ReactNode } from "react";
import { Link } from "react-router";

import type { Conflict, Conflicts as Found } from "../../api/types";
import { useI18n } from "../../i18n/useI18n";
import { nameOf, periodsOf } from "./rules";

const MOST_SHOWN = 20;

/** Where a teacher or a room is taken, as a refusal or as what is so. */
export function Conflicts({
  conflicts,
  children,
}: {
  conflicts: Conflict[];
  children?: ReactNode;
}) {
  const { t } = useI18n();
  return (
    <Alert role="alert" color="red" title={t("sections.conflicts")}>
      <Stack gap="xs" align="flex-start">
        <List size="sm" spacing={4}>
          {conflicts.slice(0, MOST_SHOWN).map((conflict, index) => (
            <List.Item key={index} className="wrap-anywhere">
              {conflict.kind === "room"
                ? t("sections.room_taken", { room: conflict.other_meeting.room })
                : t("sections.teacher_taken")}{" "}
              <Other of={conflict} />
            </List.Item>
          ))}
        </List>
        {conflicts.length > MOST_SHOWN && (
          <Text size="sm">{t("sections.more", { count: conflicts.length - MOST_SHOWN })}</Text>
        )}
        {children}
      </Stack>
    </Alert>
  );
}

/** Students who are in two sections at once: nothing stands in the way, but one should know. */
export function Warnings({ warnings }: { warnings: Found["warnings"] }) {
  const { t } = useI18n();
  return (
    <Alert color="orange" title={t("sections.warnings")}>
      <List size="sm" spacing={4}>
        {warnings.slice(0, MOST_SHOWN).map((warning, index) => (
          <List.Item key={index} className="wrap-anywhere">
            {t("sections.students_taken", { count: warning.students })} <Other of={warning} />
          </List.Item>
        ))}
      </List>
    </Alert>
  );
}

function Other({ of }: { of: Omit<Conflict, "kind"> }) {
  const { t, day, weekday } = useI18n();
  return (
    <>
      {/* In the colour of the text: that of links has too little contrast with a tinted ground. */}
      <Anchor
        component={Link}
        size="sm"
        c="inherit"
        underline="always"
        to={`/sections/${of.section.id}`}
      >
        {nameOf(of.section)}
      </Anchor>
      {" · "}
      {t("sections.when", {
        day: weekday(of.other_meeting.weekday),
        periods: periodsOf(of.other_meeting),
      })}
      {of.dates[0] && ` · ${t("sections.from_day", { day: day(of.dates[0]) })}`}
      {` · ${t("sections.days", { count: of.dates.length })}`}
    </>
  );
}
