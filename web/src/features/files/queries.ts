import { infiniteQueryOptions } from "@tanstack/react-query";

import { answered, api } from "../../api/client";

const PAGE_SIZE = 50;

/** The files of a course, newest first, page by page. */
export function filesQuery(course: number) {
  return infiniteQueryOptions({
    queryKey: ["files", course],
    queryFn: ({ pageParam, signal }) =>
      answered(
        api.GET("/api/course_attachments", {
          params: {
            query: { course, limit: PAGE_SIZE, ...(pageParam && { cursor: pageParam }) },
          },
          signal,
        }),
      ),
    initialPageParam: "",
    getNextPageParam: (page) => page.next,
  });
}
