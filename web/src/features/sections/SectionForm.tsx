import { Button, NativeSelect, NumberInput, Paper, Stack, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { useState, type ReactNode } from "react";

import { asProblem } from "../../api/problem";
import type { Section, Term } from "../../api/types";
import { FormButtons } from "../../app/FormButtons";
import { SearchSelect } from "../../app/SearchSelect";
import { Trouble } from "../../app/Trouble";
import { useRefusals } from "../../app/useRefusals";
import { useI18n } from "../../i18n/useI18n";
import { optionOf, teacherSearch } from "../people/queries";
import { isStaff, useMe } from "../session/me";
import { weeksIn } from "../terms/rules";
import { Conflicts } from "./Conflicts";
import { MeetingsEditor } from "./MeetingsEditor";
import { findCourses } from "./queries";
import { check, conflictsOf, LIMITS, type SectionFields } from "./rules";

const CONFLICTS = { section_code_taken: "section_code" };

interface Props {
  initial: SectionFields;
  /** What is changed; absent for a new one. */
  section?: Section;
  terms: Term[];
  submitLabel: string;
  cancelTo: string;
  saving: boolean;
  failure: unknown;
  /** `lastWeek` is that of the chosen term; `allow` saves in spite of clashes. */
  onSave(fields: SectionFields, lastWeek: number, allow: boolean): void;
  children?: ReactNode;
}

/** The fields of a section, of which who teaches it has fewer; `children` stands above the buttons. */
export function SectionForm(props: Props) {
  const { t, code } = useI18n();
  const me = useMe();
  const staff = isStaff(me);
  const termOf = (name: string) => props.terms.find(({ code }) => code === name);
  const form = useForm<SectionFields>({
    initialValues: props.initial,
    validate: (values) => {
      const chosen = termOf(values.term);
      const grid = chosen && {
        lastWeek: weeksIn(chosen),
        periods: chosen.periods.map(({ number }) => number),
      };
      return Object.fromEntries(
        Object.entries(check(values, grid ?? null)).map(([name, wrong]) => [
          name,
          wrong === "invalid_weeks" ? t("sections.weeks_wrong") : code("field", wrong),
        ]),
      );
    },
  });
  const term = termOf(form.values.term);
  const conflicts = conflictsOf(props.failure);
  const left = useRefusals(form, conflicts ? null : props.failure, CONFLICTS);
  // What was sent when it was refused: saving anyway is about that, not about what is typed since.
  const [sent, setSent] = useState<SectionFields | null>(null);

  const save = (fields: SectionFields, allow: boolean) => {
    const chosen = termOf(fields.term);
    setSent(fields);
    props.onSave(fields, chosen ? weeksIn(chosen) : LIMITS.weeks, allow);
  };
  const { course, teacher } = props.section ?? {};

  return (
    <Paper
      component="form"
      withBorder
      p="lg"
      noValidate
      onSubmit={form.onSubmit(
        (fields) => save(fields, false),
        (errors) => form.getInputNode(Object.keys(errors)[0]!)?.focus(),
      )}
    >
      <Stack maw={720}>
        {left !== null && asProblem(left).status !== 412 && <Trouble thrown={left} />}
        {staff && (
          <>
            <SearchSelect
              label={t("sections.course")}
              required
              chosen={
                course && { value: String(course.id), label: `${course.code} ${course.title}` }
              }
              searchKey={["courses", "found"]}
              search={findCourses}
              {...form.getInputProps("course_id")}
            />
            <NativeSelect
              label={t("sections.term")}
              required
              data={[
                ...(form.values.term ? [] : [{ value: "", label: t("sections.choose") }]),
                ...props.terms.map(({ code, name }) => ({ value: code, label: name })),
              ]}
              {...form.getInputProps("term")}
            />
            <TextInput
              label={t("sections.code")}
              description={t("sections.code_hint")}
              required
              maxLength={LIMITS.code}
              maw={240}
              spellCheck={false}
              {...form.getInputProps("section_code")}
            />
            <SearchSelect
              label={t("sections.teacher")}
              placeholder={t("sections.no_teacher")}
              chosen={teacher ? optionOf(teacher) : null}
              searchKey={["people", "teachers"]}
              search={teacherSearch(me)}
              {...form.getInputProps("teacher_id")}
            />
          </>
        )}
        <NumberInput
          label={t("sections.capacity")}
          required
          min={0}
          max={LIMITS.capacity}
          clampBehavior="none"
          allowDecimal={false}
          maw={160}
          {...form.getInputProps("capacity")}
        />
        <MeetingsEditor form={form} term={term} />
        {props.children}
        {conflicts && (
          <Conflicts conflicts={conflicts}>
            {staff && sent && (
              <Button
                size="xs"
                variant="default"
                loading={props.saving}
                onClick={() => save(sent, true)}
              >
                {t("sections.save_anyway")}
              </Button>
            )}
          </Conflicts>
        )}
        <FormButtons label={props.submitLabel} busy={props.saving} cancelTo={props.cancelTo} />
      </Stack>
    </Paper>
  );
}
