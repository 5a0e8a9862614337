/** The words of announcements in every language, for the pages that bring them along. */
import { enAnnouncements, type AnnouncementKey } from "./en.announcements";
import type { Locale } from "./locale";
import type { Message } from "./messages";
import { zhCNAnnouncements } from "./zh-CN.announcements";

export const ANNOUNCEMENTS: Record<Locale, Record<AnnouncementKey, Message>> = {
  en: enAnnouncements,
  "zh-CN": zhCNAnnouncements,
};
