/** Reading sections: the list page by page, one with its ETag, and where it clashes. */
import { keepPreviousData, queryOptions } from "@tanstack/react-query";

import { answered, answeredWithTag, api } from "../../api/client";
import { pagesQuery } from "../../api/pages";
import type { SectionFilters } from "../../api/types";
import type { Option } from "../../app/SearchSelect";

const PAGE_SIZE = 50;

export function sectionsQuery(filters: SectionFilters) {
  return {
    ...pagesQuery(["sections", "list", filters], (after, signal) =>
      answered(
        api.GET("/api/sections", {
          params: { query: { limit: PAGE_SIZE, ...filters, ...after } },
          signal,
        }),
      ),
    ),
    placeholderData: keepPreviousData,
  };
}

export function sectionQuery(id: number) {
  return queryOptions({
    queryKey: ["sections", "one", id],
    queryFn: ({ signal }) =>
      answeredWithTag(api.GET("/api/sections/{id}", { params: { path: { id } }, signal })),
  });
}

/** The clashes of a section, for whoever may edit it. */
export function conflictsQuery(id: number) {
  return queryOptions({
    queryKey: ["sections", "conflicts", id],
    queryFn: ({ signal }) =>
      answered(api.GET("/api/sections/{id}/conflicts", { params: { path: { id } }, signal })),
    staleTime: 0,
  });
}

/** Find courses, for a SearchSelect. */
export async function findCourses(q: string, signal: AbortSignal): Promise<Option[]> {
  const { items } = await answered(
    api.GET("/api/courses", { params: { query: { limit: PAGE_SIZE, ...(q && { q }) } }, signal }),
  );
  return items.map(({ id, code, title }) => ({ value: String(id), label: `${code} ${title}` }));
}
