import { useEffect, useMemo, useState, type ReactNode } from "react";

import { I18n, translator } from "./useI18n";
import { keepLocale, readLocale, type Locale } from "./locale";

/** Gives the tree its language; a change is kept for the next visit. */
export function I18nProvider({ children }: { children: ReactNode }) {
  const [locale, setLocale] = useState<Locale>(readLocale);

  useEffect(() => {
    document.documentElement.lang = locale;
  }, [locale]);

  const value = useMemo(
    () => ({
      ...translator(locale),
      setLocale(next: Locale) {
        keepLocale(next);
        setLocale(next);
      },
    }),
    [locale],
  );
  return <I18n value={value}>{children}</I18n>;
}
