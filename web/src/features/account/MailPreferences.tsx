import { Button, Group, NativeSelect, Radio, Select, Stack } from "@mantine/core";
import { useForm } from "@mantine/form";
import { useQuery } from "@tanstack/react-query";

import type { Preferences } from "../../api/types";
import { Trouble } from "../../app/Trouble";
import { useNotice } from "../../app/useNotice";
import { useRefusals } from "../../app/useRefusals";
import { Waiting } from "../../app/Waiting";
import { useI18n } from "../../i18n/useI18n";
import { useMe } from "../session/me";
import { preferencesQuery, useSavePreferences } from "./queries";
import { Section } from "./Section";
import { proposedTimezone, timezones } from "./timezones";

const MAILS = ["immediate", "digest", "off"] as const;
const HOURS = Array.from({ length: 24 }, (_, hour) => hour);

/** When one gets mails about announcements. */
export function MailPreferences() {
  const { t } = useI18n();
  const preferences = useQuery(preferencesQuery);
  return (
    <Section title={t("account.mail")} lead={t("account.mail_lead")}>
      {preferences.data ? (
        <Form kept={preferences.data} />
      ) : preferences.isError ? (
        <Trouble thrown={preferences.error} onRetry={() => void preferences.refetch()} />
      ) : (
        <Waiting />
      )}
    </Section>
  );
}

function Form({ kept }: { kept: Preferences }) {
  const { t, code, hour } = useI18n();
  const me = useMe();
  const notice = useNotice();
  const saving = useSavePreferences();
  const browsers = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const proposed = proposedTimezone(kept.timezone, browsers);
  const form = useForm({
    initialValues: {
      mail: kept.mail as string,
      digest_hour: String(kept.digest_hour),
      timezone: proposed as string | null,
    },
    validate: { timezone: (value) => (value ? null : code("field", "required")) },
  });
  const left = useRefusals(form, saving.error);

  const save = ({ mail, digest_hour, timezone }: typeof form.values) =>
    saving.mutate(
      {
        mail: mail as Preferences["mail"],
        digest_hour: Number(digest_hour),
        timezone: timezone ?? kept.timezone,
        // That of the account: it is chosen in the profile.
        locale: me.locale,
      },
      { onSuccess: () => notice(t("account.mail_saved")) },
    );

  return (
    <form noValidate onSubmit={form.onSubmit(save)}>
      <Stack>
        {left !== null && <Trouble thrown={left} />}
        <Radio.Group label={t("account.mail_when")} {...form.getInputProps("mail")}>
          <Stack gap="sm" mt="xs">
            {MAILS.map((mail) => (
              <Radio
                key={mail}
                value={mail}
                label={t(`account.mail_${mail}`)}
                description={t(`account.mail_${mail}_text`)}
              />
            ))}
          </Stack>
        </Radio.Group>
        {form.values.mail === "digest" && (
          <NativeSelect
            label={t("account.digest_hour")}
            maw={160}
            data={HOURS.map((value) => ({ value: String(value), label: hour(value) }))}
            {...form.getInputProps("digest_hour")}
          />
        )}
        <Select
          label={t("account.timezone")}
          description={proposed === kept.timezone ? undefined : t("account.timezone_proposed")}
          data={timezones(Intl.supportedValuesOf("timeZone"), kept.timezone, proposed)}
          searchable
          allowDeselect={false}
          nothingFoundMessage={t("account.timezone_none")}
          // Within the page's landmark, and the list itself is what scrolls.
          comboboxProps={{ withinPortal: false }}
          withScrollArea={false}
          styles={{ options: { maxHeight: 240, overflowY: "auto" } }}
          {...form.getInputProps("timezone")}
        />
        <Group>
          <Button type="submit" loading={saving.isPending}>
            {t("account.save_mail")}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
