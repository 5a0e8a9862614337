/** Reading users: the list page by page, and one user with the ETag that a change must name. */
import { keepPreviousData, queryOptions } from "@tanstack/react-query";

import { answered, answeredWithTag, api } from "../../api/client";
import { pagesQuery } from "../../api/pages";
import type { UserFilters } from "../../api/types";

const PAGE_SIZE = 50;

export function usersQuery(filters: UserFilters) {
  return {
    ...pagesQuery(["users", "list", filters], (after, signal) =>
      answered(
        api.GET("/api/users", {
          params: { query: { limit: PAGE_SIZE, ...filters, ...after } },
          signal,
        }),
      ),
    ),
    placeholderData: keepPreviousData,
  };
}

export function userQuery(id: number) {
  return queryOptions({
    queryKey: ["users", "one", id],
    queryFn: ({ signal }) =>
      answeredWithTag(api.GET("/api/users/{id}", { params: { path: { id } }, signal })),
  });
}
