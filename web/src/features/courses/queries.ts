/** Reading courses: the list page by page, and one course with the ETag that a change must name. */
import { infiniteQueryOptions, keepPreviousData, queryOptions } from "@tanstack/react-query";

import { answered, answeredWithTag, api } from "../../api/client";

const PAGE_SIZE = 50;

export function coursesQuery(q: string) {
  return infiniteQueryOptions({
    queryKey: ["courses", "list", q],
    queryFn: ({ pageParam, signal }) =>
      answered(
        api.GET("/api/courses", {
          params: {
            query: { limit: PAGE_SIZE, ...(q && { q }), ...(pageParam && { cursor: pageParam }) },
          },
          signal,
        }),
      ),
    initialPageParam: "",
    getNextPageParam: (page) => page.next,
    placeholderData: keepPreviousData,
  });
}

export function courseQuery(id: number) {
  return queryOptions({
    queryKey: ["courses", "one", id],
    queryFn: ({ signal }) =>
      answeredWithTag(api.GET("/api/courses/{id}", { params: { path: { id } }, signal })),
  });
}
