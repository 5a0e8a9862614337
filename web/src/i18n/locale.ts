/** The languages, which one to start with, and where the choice is kept. */
import { en, type Dictionary } from "./en";
import { zhCN } from "./zh-CN";

export const LOCALES = ["en", "zh-CN"] as const;
export type Locale = (typeof LOCALES)[number];

export const LOCALE_NAMES: Record<Locale, string> = { en: "English", "zh-CN": "简体中文" };
export const DICTIONARIES: Record<Locale, Dictionary> = { en, "zh-CN": zhCN };

const KEY = "rollcall.locale";

/** What was chosen before, else the first of the browser's languages that there is, else English. */
export function initialLocale(stored: string | null, wanted: readonly string[]): Locale {
  const chosen = LOCALES.find((locale) => locale === stored);
  if (chosen) return chosen;
  for (const language of wanted) {
    if (language.toLowerCase().startsWith("zh")) return "zh-CN";
    if (language.toLowerCase().startsWith("en")) return "en";
  }
  return "en";
}

export function readLocale(): Locale {
  return initialLocale(window.localStorage.getItem(KEY), navigator.languages);
}

export function keepLocale(locale: Locale): void {
  window.localStorage.setItem(KEY, locale);
}
