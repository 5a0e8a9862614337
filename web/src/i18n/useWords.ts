import { useMemo } from "react";

import { BROUGHT, type BroughtKey } from "./brought";
import type { Key } from "./en";
import { format, type Values } from "./messages";
import { useI18n } from "./useI18n";

/** Return the translator, which here knows the words that pages bring along, too. */
export function useWords() {
  const i18n = useI18n();
  return useMemo(() => {
    const words = BROUGHT[i18n.locale];
    const isOurs = (key: string): key is BroughtKey => Object.hasOwn(words, key);
    return {
      ...i18n,
      t: (key: Key | BroughtKey, values?: Values) =>
        isOurs(key) ? format(words[key], i18n.locale, values) : i18n.t(key, values),
    };
  }, [i18n]);
}
