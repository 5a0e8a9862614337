/** Reading sections: the list page by page, one with its ETag, and where it clashes. */
import { keepPreviousData, queryOptions } from "@tanstack/react-query";

import { answered, answeredWithTag, api } from "../../api/client";
import { pagesQuery } from "../../api/pages";
import type { Section, SectionFilters } from "../../api/types";
import type { Option } from "../../app/SearchSelect";
import { nameOf } from "./rules";

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

/** Return the search for sections, for a SearchSelect; `teacher` leaves those of one teacher. */
export function sectionSearch(teacher?: number) {
  return async (q: string, signal: AbortSignal): Promise<Option[]> => {
    const sections = await findSections(q, signal, teacher);
    return sections.map(sectionOption);
  };
}

/** Return the search for the courses that a teacher has sections of. */
export function taughtCourseSearch(teacher: number) {
  return async (q: string, signal: AbortSignal): Promise<Option[]> => {
    const courses = (await findSections(q, signal, teacher)).map(({ course }) => course);
    return [...new Map(courses.map((course) => [course.id, courseOption(course)])).values()];
  };
}

async function findSections(q: string, signal: AbortSignal, teacher?: number): Promise<Section[]> {
  const query = { limit: PAGE_SIZE, ...(teacher && { teacher }), ...(q && { q }) };
  return (await answered(api.GET("/api/sections", { params: { query }, signal }))).items;
}

export function sectionOption(section: Section): Option {
  const { id, course, term } = section;
  return { value: String(id), label: `${nameOf(section)} ${course.title} (${term})` };
}

export function courseOption({ id, code, title }: Section["course"]): Option {
  return { value: String(id), label: `${code} ${title}` };
}

/** Find courses, for a SearchSelect. */
export async function findCourses(q: string, signal: AbortSignal): Promise<Option[]> {
  const { items } = await answered(
    api.GET("/api/courses", { params: { query: { limit: PAGE_SIZE, ...(q && { q }) } }, signal }),
  );
  return items.map(courseOption);
}
