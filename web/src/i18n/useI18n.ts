import { createContext, use } from "react";

import type { Key } from "./en";
import { DICTIONARIES, type Locale } from "./locale";
import { format, type Values } from "./messages";

type Family = "error" | "field" | "rule" | "action";

const GENERAL: Record<Family, Key> = {
  error: "error.unknown",
  field: "field.invalid",
  rule: "rule.unknown",
  action: "action.unknown",
};

export interface Translator {
  locale: Locale;
  t(key: Key, values?: Values): string;
  /** The sentence for a code of the API; a code that is not known gets the family's general one. */
  code(family: Family, code: string): string;
  number(value: number): string;
  credits(value: number): string;
  dateTime(iso: string): string;
  date(iso: string): string;
  /** The time of a moment, by the clock of a time zone. */
  time(iso: string, timeZone: string): string;
  /** A day of the calendar such as `2026-09-01`, wherever the reader is. */
  day(date: string): string;
  /** A day of the week; 1 is Monday. */
  weekday(number: number): string;
  /** An hour of the day, 0 to 23. */
  hour(value: number): string;
  /** A wait such as `14 min 3 sec`. */
  duration(seconds: number): string;
}

export function translator(locale: Locale): Translator {
  const dictionary = DICTIONARIES[locale];
  const dateTimes = new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeStyle: "short" });
  const dates = new Intl.DateTimeFormat(locale, { dateStyle: "medium" });
  const times = new Intl.DateTimeFormat(locale, { timeStyle: "short", timeZone: "UTC" });
  const days = new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeZone: "UTC" });
  const weekdays = new Intl.DateTimeFormat(locale, { weekday: "long", timeZone: "UTC" });
  const unit = (name: string) => new Intl.NumberFormat(locale, { style: "unit", unit: name });
  const [minutes, seconds] = [unit("minute"), unit("second")];
  const oneDecimal = new Intl.NumberFormat(locale, { minimumFractionDigits: 1 });

  return {
    locale,
    t: (key, values) => format(dictionary[key], locale, values),
    code(family, code) {
      const key = `${family}.${code}`;
      return format(dictionary[isKey(key) ? key : GENERAL[family]], locale);
    },
    number: (value) => value.toLocaleString(locale),
    credits: (value) => oneDecimal.format(value),
    dateTime: (iso) => dateTimes.format(new Date(iso)),
    date: (iso) => dates.format(new Date(iso)),
    time: (iso, timeZone) =>
      new Intl.DateTimeFormat(locale, { timeStyle: "short", timeZone }).format(new Date(iso)),
    day: (date) => days.format(new Date(date)),
    // The first of January 2024 was a Monday.
    weekday: (number) => weekdays.format(Date.UTC(2024, 0, number)),
    hour: (value) => times.format(new Date(Date.UTC(2000, 0, 1, value))),
    duration(total) {
      const rest = seconds.format(total % 60);
      return total < 60 ? rest : `${minutes.format(Math.floor(total / 60))} ${rest}`;
    },
  };

  function isKey(key: string): key is Key {
    return Object.hasOwn(dictionary, key);
  }
}

export const I18n = createContext<Translator & { setLocale(locale: Locale): void }>({
  ...translator("en"),
  setLocale: () => undefined,
});

export function useI18n() {
  return use(I18n);
}
