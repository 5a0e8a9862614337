import {
  ActionIcon,
  Group,
  NativeSelect,
  useComputedColorScheme,
  useMantineColorScheme,
} from "@mantine/core";

import { LOCALE_NAMES, LOCALES, type Locale } from "../i18n/locale";
import { useI18n } from "../i18n/useI18n";
import { MoonIcon, SunIcon } from "./icons";

/** Language and colours: what is the reader's own and needs no account. */
export function Preferences() {
  const { locale, setLocale, t } = useI18n();
  const { setColorScheme } = useMantineColorScheme();
  const shown = useComputedColorScheme("light");
  const other = shown === "light" ? "dark" : "light";
  return (
    <Group gap="xs" wrap="nowrap">
      <NativeSelect
        size="xs"
        aria-label={t("app.language")}
        value={locale}
        onChange={(event) => setLocale(event.currentTarget.value as Locale)}
        data={LOCALES.map((value) => ({ value, label: LOCALE_NAMES[value] }))}
      />
      <ActionIcon
        variant="default"
        size={30}
        aria-label={t(other === "dark" ? "app.to_dark" : "app.to_light")}
        onClick={() => setColorScheme(other)}
      >
        {other === "dark" ? <MoonIcon /> : <SunIcon />}
      </ActionIcon>
    </Group>
  );
}
