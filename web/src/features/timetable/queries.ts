import { keepPreviousData, queryOptions } from "@tanstack/react-query";

import { answered, api } from "../../api/client";

/** One's own week; without one, the present. */
export function weekQuery(week: string) {
  return queryOptions({
    queryKey: ["timetable", week],
    queryFn: ({ signal }) =>
      answered(api.GET("/api/timetable", { params: { query: { ...(week && { week }) } }, signal })),
    placeholderData: keepPreviousData,
  });
}
