import { useQueries } from "@tanstack/react-query";

import type { Audience } from "../../api/types";
import type { Option } from "../../app/SearchSelect";
import { useWords } from "../../i18n/useWords";
import { courseQuery } from "../courses/queries";
import { courseOption, sectionOption, sectionQuery } from "../sections/queries";

const MOST_NAMED = 20;

/**
 * Return what an audience lists, by name, or null while the names are on their way. Only the first
 * are looked up; the others, and people, who have no page for everybody, are called by number.
 */
export function useAudienceOptions(audience: Audience | undefined): Option[] | null {
  const { t } = useWords();
  const ids = audience?.ids ?? [];
  const named = (kind: Audience["kind"]) =>
    audience?.kind === kind ? ids.slice(0, MOST_NAMED) : [];
  const sections = useQueries({ queries: named("section").map(sectionQuery) });
  const courses = useQueries({ queries: named("course").map(courseQuery) });

  if ([...sections, ...courses].some(({ isPending }) => isPending)) return null;
  const found = [
    ...sections.flatMap(({ data }) => (data ? [sectionOption(data.data)] : [])),
    ...courses.flatMap(({ data }) => (data ? [courseOption(data.data)] : [])),
  ];
  return ids.map(
    (id) =>
      found.find(({ value }) => value === String(id)) ?? {
        value: String(id),
        label: t("announcements.number", { id: String(id) }),
      },
  );
}
