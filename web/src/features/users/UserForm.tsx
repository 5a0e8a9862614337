import { NativeSelect, Paper, Stack, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import type { ReactNode } from "react";

import { asProblem } from "../../api/problem";
import { FormButtons } from "../../app/FormButtons";
import { Trouble } from "../../app/Trouble";
import { useRefusals } from "../../app/useRefusals";
import { LOCALE_NAMES, LOCALES } from "../../i18n/locale";
import { useI18n } from "../../i18n/useI18n";
import { checkEmail, LIMITS, ROLES, type UserFields } from "./rules";

const CONFLICTS = { username_taken: "username", email_taken: "email", last_manager: "role" };

interface Props {
  initial: UserFields;
  isNew?: boolean;
  submitLabel: string;
  saving: boolean;
  failure: unknown;
  onSave(fields: UserFields): void;
  children?: ReactNode;
}

/** The fields of a user, for a new one and for a change; `children` stands above the buttons. */
export function UserForm(props: Props) {
  const { t, code } = useI18n();
  const form = useForm<UserFields>({
    initialValues: props.initial,
    validate: {
      username: (value) => (value.trim() ? null : code("field", "required")),
      email: (value) => {
        const wrong = checkEmail(value);
        return wrong && code("field", wrong);
      },
    },
  });
  const left = useRefusals(form, props.failure, CONFLICTS);
  const changedMeanwhile = left !== null && asProblem(left).status === 412;

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
            username: fields.username.trim(),
            email: fields.email.trim(),
            full_name: fields.full_name.trim(),
          }),
        (errors) => form.getInputNode(Object.keys(errors)[0]!)?.focus(),
      )}
    >
      <Stack maw={520}>
        {left !== null && !changedMeanwhile && <Trouble thrown={left} />}
        {props.isNew && (
          <TextInput
            label={t("users.username")}
            description={t("register.username_hint")}
            required
            autoComplete="off"
            autoCapitalize="none"
            spellCheck={false}
            maxLength={LIMITS.username}
            {...form.getInputProps("username")}
          />
        )}
        <TextInput
          type="email"
          label={t("users.email")}
          required
          autoComplete="off"
          maxLength={LIMITS.email}
          {...form.getInputProps("email")}
        />
        <TextInput
          label={t("users.full_name")}
          autoComplete="off"
          maxLength={LIMITS.fullName}
          {...form.getInputProps("full_name")}
        />
        <NativeSelect
          label={t("users.role")}
          data={ROLES.map((role) => ({ value: role, label: t(`role.${role}`) }))}
          {...form.getInputProps("role")}
        />
        <NativeSelect
          label={t("users.locale")}
          data={LOCALES.map((value) => ({ value, label: LOCALE_NAMES[value] }))}
          {...form.getInputProps("locale")}
        />
        {props.children}
        <FormButtons label={props.submitLabel} busy={props.saving} cancelTo="/users" />
      </Stack>
    </Paper>
  );
}
