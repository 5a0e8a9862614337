/** The words of the pages that bring theirs along, in every language. */
import { enAnnouncements } from "./en.announcements";
import { enChannels } from "./en.channels";
import { enOperations } from "./en.operations";
import type { Locale } from "./locale";
import type { Message } from "./messages";
import { zhCNAnnouncements } from "./zh-CN.announcements";
import { zhCNChannels } from "./zh-CN.channels";
import { zhCNOperations } from "./zh-CN.operations";

export const enBrought = { ...enAnnouncements, ...enChannels, ...enOperations };
export type BroughtKey = keyof typeof enBrought;

export const BROUGHT: Record<Locale, Record<BroughtKey, Message>> = {
  en: enBrought,
  "zh-CN": { ...zhCNAnnouncements, ...zhCNChannels, ...zhCNOperations },
};
