/** How a message is written in a dictionary and turned into a sentence; no React, no language. */

/** A sentence with `{places}`, or one sentence for each plural form of the place `count`. */
export type Message = string | { one?: string; other: string };
export type Values = Record<string, string | number>;

const PLACE = /\{(\w+)\}/g;

export function format(message: Message, locale: string, values: Values = {}): string {
  const sentence =
    typeof message === "string" ? message : pluralForm(message, locale, values.count);
  return sentence.replace(PLACE, (whole, name: string) => {
    const value = values[name];
    if (value === undefined) return whole;
    return typeof value === "number" ? value.toLocaleString(locale) : value;
  });
}

/** The names of the places of a message, sorted: what translations must agree on. */
export function placesOf(message: Message): string[] {
  const sentences = typeof message === "string" ? [message] : Object.values(message);
  const places = sentences.flatMap((sentence) => [...sentence.matchAll(PLACE)].map((m) => m[1]!));
  return [...new Set(places)].sort();
}

function pluralForm(
  message: { one?: string; other: string },
  locale: string,
  count: string | number | undefined,
): string {
  const form = new Intl.PluralRules(locale).select(Number(count));
  return form === "one" && message.one !== undefined ? message.one : message.other;
}
