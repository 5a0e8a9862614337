import { Alert, Anchor, Button, Group, Paper, Stack, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { useMutation } from "@tanstack/react-query";
import { Link } from "react-router";

import { answered, publicApi } from "../../api/client";
import { asProblem } from "../../api/problem";
import { PublicPage } from "../../app/PublicPage";
import { Trouble } from "../../app/Trouble";
import { useRefusals } from "../../app/useRefusals";
import { useSecondsUntil } from "../../app/useSecondsUntil";
import { useI18n } from "../../i18n/useI18n";
import { checkEmail, LIMITS } from "../users/rules";

interface Props {
  what: "username" | "password";
}

/** Asks for a mail with the username, or with a link; the answer is the same for any address. */
export default function ForgotPage({ what }: Props) {
  const { t, code } = useI18n();
  const form = useForm({
    initialValues: { email: "" },
    validate: {
      email: (value) => {
        const wrong = checkEmail(value);
        return wrong && code("field", wrong);
      },
    },
  });
  const asking = useMutation({
    mutationFn: (body: { email: string }) =>
      answered(publicApi.POST(`/auth/forgot-${what}`, { body })),
  });
  const left = useRefusals(form, asking.error);
  const wait = useSecondsUntil(asking.isError ? asProblem(asking.error).retryAt : null);

  return (
    <PublicPage title={t(`forgot.${what}`)} lead={t(`forgot.${what}_lead`)}>
      {asking.isSuccess ? (
        <Alert role="status" color="teal" title={t("forgot.sent")}>
          {t(`forgot.${what}_sent`)}
        </Alert>
      ) : (
        <>
          {left !== null && <Trouble thrown={left} />}
          <Paper
            component="form"
            withBorder
            p="lg"
            noValidate
            onSubmit={form.onSubmit(({ email }) => asking.mutate({ email: email.trim() }))}
          >
            <Stack>
              <TextInput
                type="email"
                label={t("forgot.email")}
                autoComplete="email"
                required
                withAsterisk={false}
                maxLength={LIMITS.email}
                {...form.getInputProps("email")}
              />
              <Button type="submit" loading={asking.isPending} disabled={wait > 0} fullWidth>
                {t("forgot.submit")}
              </Button>
            </Stack>
          </Paper>
        </>
      )}
      <Group justify="space-between" gap="xs">
        <Anchor component={Link} to="/login" size="sm">
          ← {t("forgot.to_login")}
        </Anchor>
        <Anchor
          component={Link}
          to={what === "username" ? "/forgot-password" : "/forgot-username"}
          size="sm"
        >
          {t(what === "username" ? "session.forgot_password" : "session.forgot_username")}
        </Anchor>
      </Group>
    </PublicPage>
  );
}
