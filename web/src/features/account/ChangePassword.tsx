import { Button, Group, PasswordInput, Stack } from "@mantine/core";
import { useForm } from "@mantine/form";

import { asProblem } from "../../api/problem";
import { Trouble } from "../../app/Trouble";
import { useNotice } from "../../app/useNotice";
import { useRefusals } from "../../app/useRefusals";
import { useSecondsUntil } from "../../app/useSecondsUntil";
import { useI18n } from "../../i18n/useI18n";
import { NewPassword } from "../passwords/NewPassword";
import { useNewPassword } from "../passwords/useNewPassword";
import { useMe } from "../session/me";
import { useChangePassword } from "./queries";
import { Section } from "./Section";

export function ChangePassword() {
  const { t, code } = useI18n();
  const me = useMe();
  const notice = useNotice();
  const change = useChangePassword();
  const checkPassword = useNewPassword();
  const form = useForm({
    initialValues: { current_password: "", new_password: "" },
    validate: {
      current_password: (value) => (value ? null : code("field", "required")),
      new_password: checkPassword,
    },
  });
  const left = useRefusals(form, change.error);
  const wait = useSecondsUntil(change.isError ? asProblem(change.error).retryAt : null);

  return (
    <Section title={t("account.password")} lead={t("account.password_lead")}>
      {left !== null && <Trouble thrown={left} />}
      <form
        noValidate
        onSubmit={form.onSubmit(
          (values) =>
            change.mutate(values, {
              onSuccess: () => {
                form.reset();
                notice(t("account.password_changed"));
              },
            }),
          (errors) => form.getInputNode(Object.keys(errors)[0]!)?.focus(),
        )}
      >
        <Stack>
          {/* Tells a password manager whose password it is. */}
          <input type="text" autoComplete="username" value={me.username} readOnly hidden />
          <PasswordInput
            label={t("account.current_password")}
            autoComplete="current-password"
            aria-invalid={"current_password" in form.errors}
            required
            withAsterisk={false}
            {...form.getInputProps("current_password")}
          />
          <NewPassword
            label={t("account.new_password")}
            failure={change.error}
            tried={change.variables?.new_password}
            {...form.getInputProps("new_password")}
          />
          <Group>
            <Button type="submit" loading={change.isPending} disabled={wait > 0}>
              {t("account.change_password")}
            </Button>
          </Group>
        </Stack>
      </form>
    </Section>
  );
}
