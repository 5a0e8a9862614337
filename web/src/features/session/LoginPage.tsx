import {
  Alert,
  Box,
  Button,
  Container,
  Group,
  Paper,
  PasswordInput,
  Stack,
  Text,
  TextInput,
  Title,
} from "@mantine/core";
import { useForm } from "@mantine/form";
import { useMutation, useQuery } from "@tanstack/react-query";
import { useEffect } from "react";
import { Navigate, useSearchParams } from "react-router";

import { answered, publicApi, session } from "../../api/client";
import { asProblem } from "../../api/problem";
import { Brand } from "../../app/Brand";
import { Preferences } from "../../app/Preferences";
import { Trouble } from "../../app/Trouble";
import { useSecondsUntil } from "../../app/useSecondsUntil";
import { useI18n } from "../../i18n/useI18n";
import { DemoAccounts } from "./DemoAccounts";
import { localCloudQuery } from "./localCloud";
import { useSessionId } from "./me";
import { returnPath } from "./returnPath";

export function LoginPage() {
  const { t } = useI18n();
  const [search] = useSearchParams();
  const sessionId = useSessionId();
  const local = useQuery(localCloudQuery);
  const form = useForm({
    initialValues: { username: "", password: "" },
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

  useEffect(() => {
    document.title = `${t("session.title")} · Rollcall`;
  }, [t]);

  if (sessionId !== null)
    return <Navigate to={returnPath(search.get("next"), window.location.origin)} replace />;

  return (
    <Container size={420} py={{ base: "md", sm: "xl" }}>
      <Group component="header" justify="space-between" mb="xl">
        <Brand />
        <Preferences />
      </Group>
      <Stack component="main" gap="lg">
        <Box>
          <Title order={1} size="h2">
            {t("session.title")}
          </Title>
          <Text c="dimmed">{t("session.lead")}</Text>
        </Box>
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
              required
              withAsterisk={false}
              {...form.getInputProps("password")}
            />
            <Button type="submit" loading={login.isPending} disabled={wait > 0} fullWidth>
              {t("session.submit")}
            </Button>
          </Stack>
        </Paper>
        {local.data && <DemoAccounts onChoose={(account) => form.setValues(account)} />}
      </Stack>
    </Container>
  );
}
