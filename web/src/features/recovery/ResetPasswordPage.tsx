import { Alert, Anchor, Button, Paper, Stack, Text } from "@mantine/core";
import { useForm } from "@mantine/form";
import { useMutation } from "@tanstack/react-query";
import { Link } from "react-router";

import { answered, publicApi, session } from "../../api/client";
import { asProblem } from "../../api/problem";
import { Onward } from "../../app/Onward";
import { PublicPage } from "../../app/PublicPage";
import { Trouble } from "../../app/Trouble";
import { useRefusals } from "../../app/useRefusals";
import { useI18n } from "../../i18n/useI18n";
import { NewPassword } from "../passwords/NewPassword";
import { useNewPassword } from "../passwords/useNewPassword";
import { forgetLinkToken, linkToken } from "./link";

/** Where the link of a mail leads, a forgotten password's or an invitation's. */
export default function ResetPasswordPage() {
  const { t } = useI18n();
  const reset = useMutation({
    mutationFn: (new_password: string) =>
      answered(
        publicApi.POST("/auth/reset-password", {
          body: { token: linkToken() ?? "", new_password },
        }),
      ),
    onSuccess: () => {
      forgetLinkToken();
      // Whoever is signed in here signs in again, with the password that counts now.
      session.signOut();
    },
  });
  const spent = reset.isError && isLinkRefused(reset.error);

  return (
    <PublicPage title={t("reset.title")}>
      {reset.isSuccess ? (
        <Onward
          title={t("reset.done")}
          text={t("reset.done_text")}
          to="/login"
          label={t("reset.to_login")}
        />
      ) : spent || linkToken() === null ? (
        <NoLink spent={spent} />
      ) : (
        <ResetForm
          saving={reset.isPending}
          failure={reset.error}
          tried={reset.variables}
          onSave={reset.mutate}
        />
      )}
    </PublicPage>
  );
}

function isLinkRefused(thrown: unknown): boolean {
  const { status, fields } = asProblem(thrown);
  return status === 400 || fields.some(({ field }) => field === "token");
}

interface FormProps {
  saving: boolean;
  failure: unknown;
  tried: string | undefined;
  onSave(password: string): void;
}

function ResetForm({ saving, failure, tried, onSave }: FormProps) {
  const { t } = useI18n();
  const checkPassword = useNewPassword();
  const form = useForm({
    initialValues: { new_password: "" },
    validate: { new_password: checkPassword },
  });
  const left = useRefusals(form, failure);

  return (
    <>
      {left !== null && <Trouble thrown={left} />}
      <Paper
        component="form"
        withBorder
        p="lg"
        noValidate
        onSubmit={form.onSubmit(({ new_password }) => onSave(new_password))}
      >
        <Stack>
          <NewPassword
            label={t("reset.password")}
            failure={failure}
            tried={tried}
            {...form.getInputProps("new_password")}
          />
          <Button type="submit" loading={saving} fullWidth>
            {t("reset.submit")}
          </Button>
        </Stack>
      </Paper>
    </>
  );
}

function NoLink({ spent }: { spent: boolean }) {
  const { t } = useI18n();
  return (
    <Alert role="alert" color="orange" title={t(spent ? "reset.spent" : "reset.no_link")}>
      <Stack gap="xs" align="flex-start">
        <Text size="sm">{t(spent ? "reset.spent_text" : "reset.no_link_text")}</Text>
        <Anchor component={Link} to="/forgot-password" size="sm" c="inherit" underline="always">
          {t("reset.another")}
        </Anchor>
      </Stack>
    </Alert>
  );
}
