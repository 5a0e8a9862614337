import { Button, Group, NativeSelect, Stack, Text, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";

import type { Me } from "../../api/types";
import { Trouble } from "../../app/Trouble";
import { useNotice } from "../../app/useNotice";
import { useRefusals } from "../../app/useRefusals";
import { LOCALE_NAMES, LOCALES } from "../../i18n/locale";
import { translator, useI18n } from "../../i18n/useI18n";
import { useMe } from "../session/me";
import { LIMITS } from "../users/rules";
import { useSaveProfile } from "./queries";
import { Section } from "./Section";

export function ProfileForm() {
  const { t, setLocale } = useI18n();
  const me = useMe();
  const notice = useNotice();
  const saving = useSaveProfile();
  const form = useForm<Pick<Me, "full_name" | "locale">>({
    initialValues: { full_name: me.full_name, locale: me.locale },
  });
  const left = useRefusals(form, saving.error);

  const save = (values: Pick<Me, "full_name" | "locale">) =>
    saving.mutate(
      { ...values, full_name: values.full_name.trim() },
      {
        onSuccess: (saved) => {
          setLocale(saved.locale);
          notice(translator(saved.locale).t("account.profile_saved"));
        },
      },
    );

  return (
    <Section title={t("account.profile")}>
      <Group gap="lg">
        <Fact label={t("home.username")}>{me.username}</Fact>
        <Fact label={t("home.email")}>{me.email}</Fact>
        <Fact label={t("home.role")}>{t(`role.${me.role}`)}</Fact>
      </Group>
      {left !== null && <Trouble thrown={left} />}
      <form noValidate onSubmit={form.onSubmit(save)}>
        <Stack>
          <TextInput
            label={t("account.full_name")}
            autoComplete="name"
            maxLength={LIMITS.fullName}
            {...form.getInputProps("full_name")}
          />
          <NativeSelect
            label={t("account.locale")}
            description={t("account.locale_hint")}
            data={LOCALES.map((value) => ({ value, label: LOCALE_NAMES[value] }))}
            {...form.getInputProps("locale")}
          />
          <Group>
            <Button type="submit" loading={saving.isPending}>
              {t("account.save")}
            </Button>
          </Group>
        </Stack>
      </form>
    </Section>
  );
}

function Fact({ label, children }: { label: string; children: string }) {
  return (
    <div>
      <Text size="sm" c="dimmed">
        {label}
      </Text>
      <Text size="sm" className="wrap-anywhere">
        {children}
      </Text>
    </div>
  );
}
