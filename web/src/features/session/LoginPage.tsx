import {
  Alert,
  Anchor,
  Button,
  Group,
  Paper,
  PasswordInput,
  Stack,
  Text,
  TextInput,
} from "@mantine/core";
import { useForm } from "@mantine/form";
import { useMutation, useQuery } from "@tanstack/react-query";
import { Link, Navigate, useLocation, useSearchParams } from "react-router";

import { answered, publicApi, session } from "../../api/client";
import { asProblem } from "../../api/problem";
import { PublicPage } from "../../app/PublicPage";
import { Trouble } from "../../app/Trouble";
import { useSecondsUntil } from "../../app/useSecondsUntil";
import { useI18n } from "../../i18n/useI18n";
import { registrationClosedQuery } from "../registration/closed";
import { DemoAccounts } from "./DemoAccounts";
import { localCloudQuery } from "./localCloud";
import { useSessionId } from "./me";
import { returnPath } from "./returnPath";

export function LoginPage() {
  const { t } = useI18n();
  const [search] = useSearchParams();
  const { state } = useLocation() as { state: { username?: string } | null };
  const sessionId = useSessionId();
  const local = useQuery(localCloudQuery);
  const closed = useQuery(registrationClosedQuery);
  const form = useForm({
    initialValues: { username: state?.username ?? "", password: "" },
    validate: {
      username: (value) => (value.trim() ? null : t("session.required")),
      password: (value) => (value ? null : t("session.required")),
    },
  });
  const login = useMutation({
    mutationFn: (body: { username: string; password: string }) =>
      answered(publicApi.POST("/auth/login", { body })),
    onSuccess: (tokens) => session.begin(tokens),
    onError: () => document.getElementById("password")?.focus(),
  });
  const wait = useSecondsUntil(login.isError ? asProblem(login.error).retryAt : null);

  if (sessionId !== null)
    return <Navigate to={returnPath(search.get("next"), window.location.origin)} replace />;

  return (
    <PublicPage title={t("session.title")} lead={t("session.lead")}>
      {session.endReason && !login.isError && (
        <Alert role="status" color={session.endReason === "expired" ? "orange" : "gray"}>
          {t(session.endReason === "expired" ? "session.expired" : "session.signed_out")}
        </Alert>
      )}
      {login.isError && <Trouble thrown={login.error} />}
      <Paper
        component="form"
        withBorder
        p="lg"
        noValidate
        onSubmit={form.onSubmit(({ username, password }) =>
          login.mutate({ username: username.trim(), password }),
        )}
      >
        <Stack>
          <TextInput
            id="username"
            label={t("session.username")}
            autoComplete="username"
            autoCapitalize="none"
            spellCheck={false}
            required
            withAsterisk={false}
            {...form.getInputProps("username")}
          />
          <PasswordInput
            id="password"
            label={t("session.password")}
            autoComplete="current-password"
            aria-invalid={"password" in form.errors}
            required
            withAsterisk={false}
            {...form.getInputProps("password")}
          />
          <Button type="submit" loading={login.isPending} disabled={wait > 0} fullWidth>
            {t("session.submit")}
          </Button>
          <Group justify="space-between" gap="xs">
            <Anchor component={Link} to="/forgot-password" size="sm">
              {t("session.forgot_password")}
            </Anchor>
            <Anchor component={Link} to="/forgot-username" size="sm">
              {t("session.forgot_username")}
            </Anchor>
          </Group>
        </Stack>
      </Paper>
      {!closed.data && (
        <Text size="sm" ta="center">
          {t("session.new_here")}{" "}
          <Anchor component={Link} to="/register" inherit underline="always">
            {t("session.register")}
          </Anchor>
        </Text>
      )}
      {local.data && <DemoAccounts onChoose={(account) => form.setValues(account)} />}
    </PublicPage>
  );
}
