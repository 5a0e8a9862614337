import { Group, Paper, Select, Stack, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import type { ReactNode } from "react";

import { asProblem } from "../../api/problem";
import type { NewTerm } from "../../api/types";
import { FormButtons } from "../../app/FormButtons";
import { Trouble } from "../../app/Trouble";
import { useRefusals } from "../../app/useRefusals";
import { useI18n } from "../../i18n/useI18n";
import { timezones } from "../account/timezones";
import { PeriodsEditor } from "./PeriodsEditor";
import { check, LIMITS, type TermFields } from "./rules";

const CONFLICTS = { term_code_taken: "code" };

interface Props {
  initial: NewTerm;
  submitLabel: string;
  saving: boolean;
  failure: unknown;
  onSave(fields: NewTerm): void;
  children?: ReactNode;
}

/** The fields of a term, for a new one and for a change; `children` stands above the buttons. */
export function TermForm(props: Props) {
  const { t, code } = useI18n();
  const form = useForm<TermFields>({
    initialValues: props.initial,
    validate: (values) =>
      Object.fromEntries(
        Object.entries(check(values)).map(([name, wrong]) => [name, code("field", wrong)]),
      ),
  });
  const left = useRefusals(form, props.failure, CONFLICTS);

  return (
    <Paper
      component="form"
      withBorder
      p="lg"
      noValidate
      onSubmit={form.onSubmit(
        (fields) =>
          props.onSave({
            ...fields,
            code: fields.code.trim(),
            name: fields.name.trim(),
            periods: fields.periods.map((period) => ({ ...period, number: Number(period.number) })),
          }),
        (errors) => form.getInputNode(Object.keys(errors)[0]!)?.focus(),
      )}
    >
      <Stack maw={560}>
        {left !== null && asProblem(left).status !== 412 && <Trouble thrown={left} />}
        <TextInput
          label={t("terms.code")}
          description={t("terms.code_hint")}
          required
          maxLength={LIMITS.code}
          maw={320}
          spellCheck={false}
          {...form.getInputProps("code")}
        />
        <TextInput
          label={t("terms.name")}
          required
          maxLength={LIMITS.name}
          {...form.getInputProps("name")}
        />
        <Group gap="sm" align="flex-start">
          <TextInput
            type="date"
            label={t("terms.starts_on")}
            required
            {...form.getInputProps("starts_on")}
          />
          <TextInput
            type="date"
            label={t("terms.ends_on")}
            required
            {...form.getInputProps("ends_on")}
          />
        </Group>
        <Select
          label={t("terms.timezone")}
          data={timezones(
            Intl.supportedValuesOf("timeZone"),
            props.initial.timezone,
            props.initial.timezone,
          )}
          searchable
          allowDeselect={false}
          nothingFoundMessage={t("account.timezone_none")}
          // Within the page's landmark, and the list itself is what scrolls.
          comboboxProps={{ withinPortal: false }}
          withScrollArea={false}
          styles={{ options: { maxHeight: 240, overflowY: "auto" } }}
          {...form.getInputProps("timezone")}
        />
        <PeriodsEditor form={form} />
        {props.children}
        <FormButtons label={props.submitLabel} busy={props.saving} cancelTo="/terms" />
      </Stack>
    </Paper>
  );
}
