import { queryOptions } from "@tanstack/react-query";

import { answered, api } from "../../api/client";
import { pagesQuery } from "../../api/pages";

const PAGE_SIZE = 50;

/** The files of a course, newest first, page by page. */
export function filesQuery(course: number) {
  return pagesQuery(["files", course], (after, signal) =>
    answered(
      api.GET("/api/course_attachments", {
        params: { query: { course, limit: PAGE_SIZE, ...after } },
        signal,
      }),
    ),
  );
}

/** Whether a teacher has a section of the course, and so keeps its files. */
export function teachesQuery(course: number, teacher: number) {
  return queryOptions({
    queryKey: ["sections", "taught", course, teacher],
    queryFn: async ({ signal }) => {
      const query = { course, teacher, limit: 1 };
      const page = await answered(api.GET("/api/sections", { params: { query }, signal }));
      return page.items.length > 0;
    },
  });
}
