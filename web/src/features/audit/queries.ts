import { keepPreviousData } from "@tanstack/react-query";

import { answered, api } from "../../api/client";
import { pagesQuery } from "../../api/pages";
import type { AuditFilters } from "../../api/types";

const PAGE_SIZE = 50;

/** What was done, newest first, page by page. */
export function auditQuery(filters: AuditFilters) {
  return {
    ...pagesQuery(["audit", filters], (after, signal) =>
      answered(
        api.GET("/api/audit", {
          params: { query: { limit: PAGE_SIZE, ...filters, ...after } },
          signal,
        }),
      ),
    ),
    placeholderData: keepPreviousData,
    staleTime: 0,
  };
}
