/** Reading announcements as their authors: the list, one with its ETag, and what became of it. */
import { keepPreviousData, queryOptions } from "@tanstack/react-query";

import { answered, answeredWithTag, api } from "../../api/client";
import { pagesQuery } from "../../api/pages";
import type { AnnouncementFilters, RecipientFilters } from "../../api/types";
import { announcementDelay, statsDelay } from "./rules";

const PAGE_SIZE = 50;
// On a page with other things below.
const SHORT_PAGE_SIZE = 20;

export function announcementsQuery(filters: AnnouncementFilters) {
  return {
    ...pagesQuery(["announcements", "list", filters], (after, signal) =>
      answered(
        api.GET("/api/announcements", {
          params: { query: { limit: PAGE_SIZE, ...filters, ...after } },
          signal,
        }),
      ),
    ),
    placeholderData: keepPreviousData,
    staleTime: 0,
  };
}

export function announcementQuery(id: number) {
  return queryOptions({
    queryKey: ["announcements", "one", id],
    queryFn: ({ signal }) =>
      answeredWithTag(api.GET("/api/announcements/{id}", { params: { path: { id } }, signal })),
    refetchInterval: ({ state }) => announcementDelay(state.data?.data),
  });
}

export function statsQuery(id: number) {
  return queryOptions({
    queryKey: ["announcements", "stats", id],
    queryFn: ({ signal }) =>
      answered(api.GET("/api/announcements/{id}/stats", { params: { path: { id } }, signal })),
    staleTime: 0,
    refetchInterval: ({ state }) => statsDelay(state.data),
  });
}

export function recipientsQuery(id: number, filters: RecipientFilters) {
  return {
    ...pagesQuery(["announcements", "recipients", id, filters], (after, signal) =>
      answered(
        api.GET("/api/announcements/{id}/deliveries", {
          params: { path: { id }, query: { limit: SHORT_PAGE_SIZE, ...filters, ...after } },
          signal,
        }),
      ),
    ),
    placeholderData: keepPreviousData,
    staleTime: 0,
  };
}

/** What an announcement said, newest first. */
export function versionsQuery(id: number) {
  return pagesQuery(["announcements", "versions", id], (after, signal) =>
    answered(
      api.GET("/api/announcements/{id}/versions", {
        params: { path: { id }, query: { limit: SHORT_PAGE_SIZE, ...after } },
        signal,
      }),
    ),
  );
}
