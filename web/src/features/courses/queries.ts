/** Reading courses: the list page by page, and one course with the ETag that a change must name. */
import { keepPreviousData, queryOptions } from "@tanstack/react-query";

import { answered, answeredWithTag, api } from "../../api/client";
import { pagesQuery } from "../../api/pages";

const PAGE_SIZE = 50;

export function coursesQuery(q: string) {
  return {
    ...pagesQuery(["courses", "list", q], (after, signal) =>
      answered(
        api.GET("/api/courses", {
          params: { query: { limit: PAGE_SIZE, ...(q && { q }), ...after } },
          signal,
        }),
      ),
    ),
    placeholderData: keepPreviousData,
  };
}

export function courseQuery(id: number) {
  return queryOptions({
    queryKey: ["courses", "one", id],
    queryFn: ({ signal }) =>
      answeredWithTag(api.GET("/api/courses/{id}", { params: { path: { id } }, signal })),
  });
}
