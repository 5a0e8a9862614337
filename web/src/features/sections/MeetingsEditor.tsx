import {
  Button,
  Fieldset,
  Group,
  NativeSelect,
  Paper,
  Stack,
  Text,
  TextInput,
} from "@mantine/core";
import type { UseFormReturnType } from "@mantine/form";

import type { Term } from "../../api/types";
import { useI18n } from "../../i18n/useI18n";
import { LIMITS, WEEKDAYS, type MeetingFields, type SectionFields } from "./rules";

interface Props {
  form: UseFormReturnType<SectionFields>;
  term: Term | undefined;
}

/** When and where a section comes together, meeting by meeting. */
export function MeetingsEditor({ form, term }: Props) {
  const { t, weekday } = useI18n();
  const { meetings } = form.values;
  const periods = (term?.periods ?? []).map(({ number, starts_at, ends_at }) => ({
    value: String(number),
    label: `${number} (${starts_at}–${ends_at})`,
  }));
  const first: MeetingFields = {
    weekday: "1",
    first_period: periods[0]?.value ?? "",
    last_period: periods[0]?.value ?? "",
    weeks: "all",
    room: "",
  };

  return (
    <Fieldset legend={t("sections.meetings")}>
      <Stack gap="sm">
        <Text size="sm" c="dimmed">
          {periods.length > 0 ? t("sections.meetings_hint") : t("sections.no_periods")}
        </Text>
        {form.errors.meetings && (
          <Text size="sm" c="red" role="alert">
            {form.errors.meetings}
          </Text>
        )}
        {meetings.map((meeting, index) => {
          const at = (name: keyof MeetingFields) => form.getInputProps(`meetings.${index}.${name}`);
          const choices = (kept: string) =>
            periods.some(({ value }) => value === kept)
              ? periods
              : [{ value: kept, label: kept || "–" }, ...periods];
          return (
            <Paper
              key={index}
              withBorder
              p="sm"
              role="group"
              aria-label={t("sections.meeting_named", { number: index + 1 })}
            >
              <Group gap="xs" align="flex-start">
                <NativeSelect
                  label={t("sections.weekday")}
                  data={WEEKDAYS.map((day) => ({ value: String(day), label: weekday(day) }))}
                  flex="1 1 8rem"
                  {...at("weekday")}
                />
                <NativeSelect
                  label={t("sections.first_period")}
                  data={choices(meeting.first_period)}
                  flex="1 1 9rem"
                  {...at("first_period")}
                />
                <NativeSelect
                  label={t("sections.last_period")}
                  data={choices(meeting.last_period)}
                  flex="1 1 9rem"
                  {...at("last_period")}
                />
                <TextInput
                  label={t("sections.weeks")}
                  maxLength={200}
                  flex="1 1 8rem"
                  {...at("weeks")}
                />
                <TextInput
                  label={t("sections.room")}
                  maxLength={LIMITS.room}
                  flex="1 1 8rem"
                  {...at("room")}
                />
              </Group>
              <Button
                variant="subtle"
                color="red"
                size="compact-sm"
                mt="xs"
                aria-label={t("sections.meeting_remove", { number: index + 1 })}
                onClick={() => form.removeListItem("meetings", index)}
              >
                {t("files.remove")}
              </Button>
            </Paper>
          );
        })}
        <Group>
          <Button
            variant="default"
            size="xs"
            disabled={periods.length === 0 || meetings.length >= LIMITS.meetings}
            onClick={() => form.insertListItem("meetings", meetings.at(-1) ?? first)}
          >
            {t("sections.meeting_add")}
          </Button>
        </Group>
      </Stack>
    </Fieldset>
  );
}
