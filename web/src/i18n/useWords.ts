import { useMemo } from "react";

import { ANNOUNCEMENTS } from "./announcements";
import type { Key } from "./en";
import type { AnnouncementKey } from "./en.announcements";
import { format, type Values } from "./messages";
import { useI18n } from "./useI18n";

/** Return the translator, which here knows the words of announcements, too. */
export function useWords() {
  const i18n = useI18n();
  return useMemo(() => {
    const words = ANNOUNCEMENTS[i18n.locale];
    const isOurs = (key: string): key is AnnouncementKey => Object.hasOwn(words, key);
    return {
      ...i18n,
      t: (key: Key | AnnouncementKey, values?: Values) =>
        isOurs(key) ? format(words[key], i18n.locale, values) : i18n.t(key, values),
    };
  }, [i18n]);
}
