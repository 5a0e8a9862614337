/** Changing users. A change names the version that it was made from; the lists are read anew. */
import { useMutation, useQueryClient } from "@tanstack/react-query";

import { answered, answeredWithTag, api } from "../../api/client";
import type { NewUser, UserChanges } from "../../api/types";
import { useIdempotencyKey } from "../../app/useIdempotencyKey";
import { userQuery } from "./queries";

const LISTS = { queryKey: ["users", "list"] };

export function useCreateUser() {
  const queries = useQueryClient();
  const keyFor = useIdempotencyKey();
  return useMutation({
    mutationFn: (body: NewUser) =>
      answered(
        api.POST("/api/users", { params: { header: { "Idempotency-Key": keyFor(body) } }, body }),
      ),
    onSuccess: () => queries.invalidateQueries(LISTS),
  });
}

export function useSaveUser(id: number) {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: ({ etag, ...body }: UserChanges & { etag: string }) =>
      answeredWithTag(
        api.PATCH("/api/users/{id}", {
          params: { path: { id }, header: { "If-Match": etag } },
          body,
        }),
      ),
    onSuccess: (saved) => {
      queries.setQueryData(userQuery(id).queryKey, saved);
      return queries.invalidateQueries(LISTS);
    },
  });
}

export function useDeactivateUser(id: number) {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (etag: string) =>
      answered(
        api.DELETE("/api/users/{id}", { params: { path: { id }, header: { "If-Match": etag } } }),
      ),
    onSuccess: () => queries.invalidateQueries({ queryKey: ["users"] }),
  });
}

/** Sends the link that sets a password: the first one, or another. */
export function useInviteUser(id: number) {
  return useMutation({
    mutationFn: () =>
      answered(
        api.POST("/api/users/{id}/invite", {
          // Each press is meant: a second mail is what is wanted then.
          params: { path: { id }, header: { "Idempotency-Key": crypto.randomUUID() } },
        }),
      ),
  });
}

export function useEraseUser(id: number) {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: () => answered(api.POST("/api/users/{id}/erase", { params: { path: { id } } })),
    onSuccess: () => queries.invalidateQueries({ queryKey: ["users"] }),
  });
}
