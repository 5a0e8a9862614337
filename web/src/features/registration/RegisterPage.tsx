import { Anchor, Button, Paper, Stack, Text, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, Navigate } from "react-router";

import { answered, publicApi } from "../../api/client";
import { asProblem } from "../../api/problem";
import type { Registration } from "../../api/types";
import { Empty } from "../../app/Empty";
import { Onward } from "../../app/Onward";
import { PublicPage } from "../../app/PublicPage";
import { Trouble } from "../../app/Trouble";
import { useIdempotencyKey } from "../../app/useIdempotencyKey";
import { useRefusals } from "../../app/useRefusals";
import { useSecondsUntil } from "../../app/useSecondsUntil";
import { useI18n } from "../../i18n/useI18n";
import { NewPassword } from "../passwords/NewPassword";
import { useNewPassword } from "../passwords/useNewPassword";
import { useSessionId } from "../session/me";
import { checkEmail, LIMITS } from "../users/rules";
import { registrationClosedQuery } from "./closed";

const CONFLICTS = { username_taken: "username", email_taken: "email" };

/** Where somebody makes an account, who is a student then. */
export default function RegisterPage() {
  const { t } = useI18n();
  const sessionId = useSessionId();
  const queries = useQueryClient();
  const closed = useQuery(registrationClosedQuery);
  const keyFor = useIdempotencyKey();
  const registration = useMutation({
    mutationFn: (body: Registration) =>
      answered(
        publicApi.POST("/auth/register", {
          params: { header: { "Idempotency-Key": keyFor(body) } },
          body,
        }),
      ),
    onError: (thrown) => {
      if (asProblem(thrown).code === "registration_closed")
        queries.setQueryData(registrationClosedQuery.queryKey, true);
    },
  });

  if (sessionId !== null) return <Navigate to="/" replace />;
  return (
    <PublicPage title={t("register.title")} lead={closed.data ? undefined : t("register.lead")}>
      {closed.data ? (
        <Empty title={t("register.closed")} text={t("register.closed_text")} />
      ) : registration.isSuccess ? (
        <Onward
          title={t("register.done")}
          text={t("register.done_text", { name: registration.data.username })}
          to="/login"
          state={{ username: registration.data.username }}
          label={t("register.to_login")}
        />
      ) : (
        <RegistrationForm
          sending={registration.isPending}
          failure={registration.error}
          tried={registration.variables?.password}
          onSend={registration.mutate}
        />
      )}
      {!registration.isSuccess && (
        <Text size="sm" ta="center">
          {!closed.data && `${t("register.known")} `}
          <Anchor component={Link} to="/login" inherit underline="always">
            {t("register.to_login")}
          </Anchor>
        </Text>
      )}
    </PublicPage>
  );
}

interface FormProps {
  sending: boolean;
  failure: unknown;
  tried: string | undefined;
  onSend(registration: Registration): void;
}

function RegistrationForm({ sending, failure, tried, onSend }: FormProps) {
  const { t, code, locale } = useI18n();
  const checkPassword = useNewPassword();
  const form = useForm({
    initialValues: { username: "", email: "", full_name: "", password: "" },
    validate: {
      username: (value) => (value.trim() ? null : code("field", "required")),
      email: (value) => {
        const wrong = checkEmail(value);
        return wrong && code("field", wrong);
      },
      password: checkPassword,
    },
  });
  const left = useRefusals(form, failure, CONFLICTS);
  const wait = useSecondsUntil(failure ? asProblem(failure).retryAt : null);

  return (
    <>
      {left !== null && <Trouble thrown={left} />}
      <Paper
        component="form"
        withBorder
        p="lg"
        noValidate
        onSubmit={form.onSubmit(
          ({ username, email, full_name, password }) =>
            onSend({
              username: username.trim(),
              email: email.trim(),
              full_name: full_name.trim(),
              password,
              locale,
            }),
          (errors) => form.getInputNode(Object.keys(errors)[0]!)?.focus(),
        )}
      >
        <Stack>
          <TextInput
            label={t("register.username")}
            description={t("register.username_hint")}
            autoComplete="username"
            autoCapitalize="none"
            spellCheck={false}
            required
            withAsterisk={false}
            maxLength={LIMITS.username}
            {...form.getInputProps("username")}
          />
          <TextInput
            type="email"
            label={t("register.email")}
            autoComplete="email"
            required
            withAsterisk={false}
            maxLength={LIMITS.email}
            {...form.getInputProps("email")}
          />
          <TextInput
            label={t("register.full_name")}
            description={t("register.full_name_hint")}
            autoComplete="name"
            maxLength={LIMITS.fullName}
            {...form.getInputProps("full_name")}
          />
          <NewPassword
            label={t("register.password")}
            failure={failure}
            tried={tried}
            {...form.getInputProps("password")}
          />
          <Button type="submit" loading={sending} disabled={wait > 0} fullWidth>
            {t("register.submit")}
          </Button>
        </Stack>
      </Paper>
    </>
  );
}
