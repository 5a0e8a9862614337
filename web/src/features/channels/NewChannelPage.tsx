import { NativeSelect, Paper, PasswordInput, Stack, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { useNavigate } from "react-router";

import { FormButtons } from "../../app/FormButtons";
import { Page } from "../../app/Page";
import { Trouble } from "../../app/Trouble";
import { useNotice } from "../../app/useNotice";
import { useRefusals } from "../../app/useRefusals";
import { useWords } from "../../i18n/useWords";
import { useCreateChannel } from "./queries";
import {
  asked,
  KINDS,
  LIMITS,
  missing,
  NEW_CHANNEL,
  SECURITIES,
  type ChannelFields,
} from "./rules";

const CONFLICTS = { channel_name_taken: "name" };

/** A new channel; which fields there are, its kind decides. */
export default function NewChannelPage() {
  const { t, code } = useWords();
  const navigate = useNavigate();
  const notice = useNotice();
  const creation = useCreateChannel();
  const form = useForm<ChannelFields>({
    initialValues: NEW_CHANNEL,
    validate: (fields) =>
      Object.fromEntries(missing(fields).map((name) => [name, code("field", "required")])),
  });
  const left = useRefusals(form, creation.error, CONFLICTS);
  const { kind } = form.values;

  const create = (fields: ChannelFields) =>
    creation.mutate(asked(fields), {
      onSuccess: (channel) => {
        notice(t("channels.created", { name: channel.name }));
        void navigate("/channels");
      },
    });

  return (
    <Page title={t("channels.new")} lead={t("channels.new_lead")}>
      <Paper
        component="form"
        withBorder
        p="lg"
        noValidate
        autoComplete="off"
        onSubmit={form.onSubmit(create, (errors) =>
          form.getInputNode(Object.keys(errors)[0]!)?.focus(),
        )}
      >
        <Stack maw={520}>
          {left !== null && <Trouble thrown={left} />}
          <NativeSelect
            label={t("channels.kind")}
            data={KINDS.map((value) => ({ value, label: t(`channels.kind.${value}`) }))}
            {...form.getInputProps("kind")}
          />
          <TextInput
            label={t("channels.name")}
            required
            maxLength={LIMITS.name}
            {...form.getInputProps("name")}
          />
          {kind === "webhook" && (
            <TextInput
              type="url"
              label={t("channels.url")}
              description={t("channels.url_hint")}
              required
              maxLength={LIMITS.url}
              {...form.getInputProps("url")}
            />
          )}
          {kind === "telegram" && (
            <TextInput
              label={t("channels.chat_id")}
              description={t("channels.chat_id_hint")}
              required
              {...form.getInputProps("chat_id")}
            />
          )}
          {kind === "smtp" && (
            <>
              <TextInput
                label={t("channels.host")}
                required
                maxLength={LIMITS.host}
                {...form.getInputProps("host")}
              />
              <TextInput
                label={t("channels.port")}
                required
                inputMode="numeric"
                {...form.getInputProps("port")}
              />
              <NativeSelect
                label={t("channels.security")}
                data={SECURITIES.map((value) => ({
                  value,
                  label: t(`channels.security.${value}`),
                }))}
                {...form.getInputProps("security")}
              />
              <TextInput
                type="email"
                label={t("channels.sender")}
                required
                {...form.getInputProps("sender")}
              />
              <TextInput
                type="email"
                label={t("channels.to")}
                required
                {...form.getInputProps("to")}
              />
              <TextInput
                label={t("channels.username")}
                autoComplete="off"
                maxLength={LIMITS.username}
                {...form.getInputProps("username")}
              />
            </>
          )}
          <PasswordInput
            label={t(`channels.secret.${kind}`)}
            description={t("channels.secret_hint")}
            required={kind !== "smtp"}
            autoComplete="new-password"
            maxLength={LIMITS.secret}
            {...form.getInputProps("secret")}
          />
          <FormButtons
            label={t("channels.create")}
            busy={creation.isPending}
            cancelTo="/channels"
          />
        </Stack>
      </Paper>
    </Page>
  );
}
