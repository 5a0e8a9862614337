/** Writing announcements. A change names the version that it was made from; all that shows it is read anew. */
import { useMutation, useQueryClient } from "@tanstack/react-query";

import { answered, answeredWithTag, api } from "../../api/client";
import type { AnnouncementChanges, Audience, NewAnnouncement } from "../../api/types";
import { useIdempotencyKey } from "../../app/useIdempotencyKey";

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
  const queries = useQueryClient();
  return useMutation({
    mutationFn: ({ etag, ...body }: AnnouncementChanges & { etag: string }) =>
      answeredWithTag(
        api.PATCH("/api/announcements/{id}", {
          params: { path: { id }, header: { "If-Match": etag } },
          body,
        }),
      ),
    onSuccess: () => queries.invalidateQueries(ALL),
  });
}

export function useWithdrawAnnouncement(id: number) {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: () =>
      answered(api.POST("/api/announcements/{id}/withdraw", { params: { path: { id } } })),
    onSuccess: () => queries.invalidateQueries(ALL),
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
