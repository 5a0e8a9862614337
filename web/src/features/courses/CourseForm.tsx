import { NumberInput, Paper, Stack, Textarea, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { useEffect, type ReactNode } from "react";

import { asProblem } from "../../api/problem";
import type { CourseFields } from "../../api/types";
import { FormButtons } from "../../app/FormButtons";
import { Trouble } from "../../app/Trouble";
import { useI18n } from "../../i18n/useI18n";
import { check, fieldCodes, LIMITS } from "./rules";

interface Props {
  initial: CourseFields;
  submitLabel: string;
  cancelTo: string;
  saving: boolean;
  failure: unknown;
  onSave(fields: CourseFields): void;
  children?: ReactNode;
}

/** The fields of a course, for a new one and for a change; `children` stands above the buttons. */
export function CourseForm(props: Props) {
  const { t, code } = useI18n();
  const form = useForm<Record<keyof CourseFields, string | number>>({
    initialValues: props.initial,
    validate: (values) =>
      Object.fromEntries(
        Object.entries(check(values)).map(([name, wrong]) => [name, code("field", wrong)]),
      ),
  });

  const problem = props.failure ? asProblem(props.failure) : null;
  const refused = problem ? fieldCodes(problem.code, problem.fields) : {};
  const { setErrors } = form;
  useEffect(() => {
    const entries = Object.entries(refused).map(([name, wrong]) => [name, code("field", wrong)]);
    if (entries.length > 0) setErrors(Object.fromEntries(entries));
    // eslint-disable-next-line react-hooks/exhaustive-deps -- once for each failure
  }, [props.failure]);

  const focusFirst = (errors: object) => {
    const name = Object.keys(props.initial).find((field) => field in errors);
    if (name) form.getInputNode(name)?.focus();
  };

  return (
    <Paper
      component="form"
      withBorder
      p="lg"
      noValidate
      onSubmit={form.onSubmit(
        ({ code, title, description, credits }) =>
          props.onSave({
            code: String(code).trim(),
            title: String(title).trim(),
            description: String(description),
            credits: Number(credits),
          }),
        focusFirst,
      )}
    >
      <Stack maw={640}>
        {problem && problem.status !== 412 && Object.keys(refused).length === 0 && (
          <Trouble thrown={problem} />
        )}
        <TextInput
          label={t("courses.code")}
          required
          maxLength={LIMITS.code}
          maw={320}
          spellCheck={false}
          {...form.getInputProps("code")}
        />
        <TextInput
          label={t("courses.name")}
          required
          maxLength={LIMITS.title}
          {...form.getInputProps("title")}
        />
        <Textarea
          label={t("courses.description")}
          autosize
          minRows={4}
          maxRows={16}
          maxLength={LIMITS.description}
          {...form.getInputProps("description")}
        />
        <NumberInput
          label={t("courses.credits")}
          description={t("courses.credits_hint", { most: LIMITS.credits })}
          required
          min={0}
          max={LIMITS.credits}
          clampBehavior="none"
          decimalScale={1}
          step={0.5}
          maw={160}
          {...form.getInputProps("credits")}
        />
        {props.children}
        <FormButtons label={props.submitLabel} busy={props.saving} cancelTo={props.cancelTo} />
      </Stack>
    </Paper>
  );
}
