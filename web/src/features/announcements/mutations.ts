/** Writing announcements. A change names the version that it was made from; all that shows it is read anew. */
import { useMutation, useQueryClient } from "@tanstack/react-query";

import { answered, answeredWithTag, api } from "../../api/client";
import type { Announcement, AnnouncementChanges, Audience, NewAnnouncement } from "../../api/types";
import { useIdempotencyKey } from "../../app/useIdempotencyKey";
import { announcementQuery } from "./queries";

const ALL = { queryKey: ["announcements"] };

/** Ask whom something would reach, and how it will look; nothing is sent. */
export function usePreview() {
  return useMutation({
    mutationFn: (body: { audience: Audience; body: string }) =>
      answered(api.POST("/api/announcements/preview", { body })),
  });
}

export function useCreateAnnouncement() {
  const queries = useQueryClient();
  const keyFor = useIdempotencyKey();
  return useMutation({
    mutationFn: (body: NewAnnouncement) =>
      answered(
        api.POST("/api/announcements", {
          params: { header: { "Idempotency-Key": keyFor(body) } },
          body,
        }),
      ),
    onSuccess: () => queries.invalidateQueries(ALL),
  });
}

export function useSaveAnnouncement(id: number) {
  const keep = useKeep(id);
  return useMutation({
    mutationFn: ({ etag, ...body }: AnnouncementChanges & { etag: string }) =>
      answeredWithTag(
        api.PATCH("/api/announcements/{id}", {
          params: { path: { id }, header: { "If-Match": etag } },
          body,
        }),
      ),
    onSuccess: keep,
  });
}

export function useWithdrawAnnouncement(id: number) {
  const keep = useKeep(id);
  return useMutation({
    mutationFn: () =>
      answeredWithTag(api.POST("/api/announcements/{id}/withdraw", { params: { path: { id } } })),
    onSuccess: keep,
  });
}

export function useRemind(id: number) {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: () =>
      answered(api.POST("/api/announcements/{id}/remind_unacked", { params: { path: { id } } })),
    onSuccess: () => queries.invalidateQueries(ALL),
  });
}

/** Return what takes over an announcement as it is now, and has all else about it read anew. */
function useKeep(id: number) {
  const queries = useQueryClient();
  return (saved: { data: Announcement; etag: string | null }) => {
    queries.setQueryData(announcementQuery(id).queryKey, saved);
    for (const what of ["list", "stats", "recipients", "versions"]) {
      void queries.invalidateQueries({ queryKey: ["announcements", what] });
    }
  };
}
