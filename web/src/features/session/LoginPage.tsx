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

import { answered, api } from "../../api/client";
import { beginSession, endReason } from "../../api/token";
import { Brand } from "../../app/Brand";
import { Preferences } from "../../app/Preferences";
import { Trouble } from "../../app/Trouble";
import { useI18n } from "../../i18n/useI18n";
import { DemoAccounts } from "./DemoAccounts";
import { localCloudQuery } from "./localCloud";
import { useSignedIn } from "./me";
import { returnPath } from "./returnPath";

export function LoginPage() {
  const { t } = useI18n();
  const [search] = useSearchParams();
  const signedIn = useSignedIn();
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
      answered(api.POST("/auth/login", { body })),
    onSuccess: (session) => beginSession(session.access_token),
    onError: () => document.getElementById("password")?.focus(),
  });

  useEffect(() => {
    document.title = `${t("session.title")} · Rollcall`;
  }, [t]);

  if (signedIn)
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
        {endReason() && !login.isError && (
          <Alert role="status" color={endReason() === "expired" ? "orange" : "gray"}>
            {t(endReason() === "expired" ? "session.expired" : "session.signed_out")}
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
            <Button type="submit" loading={login.isPending} fullWidth>
              {t("session.submit")}
            </Button>
          </Stack>
        </Paper>
        {local.data && <DemoAccounts onChoose={(account) => form.setValues(account)} />}
      </Stack>
    </Container>
  );
}
