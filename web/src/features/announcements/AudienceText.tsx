import type { Audience } from "../../api/types";
import { useWords } from "../../i18n/useWords";

/** Whom an announcement is for, in words. */
export function AudienceText({ audience: { kind, ids, roles } }: { audience: Audience }) {
  const { t, locale } = useWords();
  const count = ids?.length ?? 0;
  if (kind === "section") return t("announcements.sections", { count });
  if (kind === "course") return t("announcements.courses", { count });
  if (kind === "users") return t("announcements.people", { count });
  if (kind === "all_students") return t("announcements.role_all.student");
  const names = (roles ?? []).map((role) => t(`announcements.role_all.${role}`));
  return new Intl.ListFormat(locale).format(names);
}
