import { infiniteQueryOptions, keepPreviousData } from "@tanstack/react-query";

import { answered, api } from "../../api/client";
import type { AuditFilters } from "../../api/types";

const PAGE_SIZE = 50;

/** What was done, newest first, page by page. */
export function auditQuery(filters: AuditFilters) {
  return infiniteQueryOptions({
    queryKey: ["audit", filters],
    queryFn: ({ pageParam, signal }) =>
      answered(
        api.GET("/api/audit", {
          params: {
            query: { limit: PAGE_SIZE, ...filters, ...(pageParam && { cursor: pageParam }) },
          },
          signal,
        }),
      ),
    initialPageParam: "",
    getNextPageParam: (page) => page.next,
    placeholderData: keepPreviousData,
    staleTime: 0,
  });
}
