/** Changing terms. A change names the version that it was made from; sections may show it, too. */
import { useMutation, useQueryClient } from "@tanstack/react-query";

import { answered, answeredWithTag, api } from "../../api/client";
import type { NewTerm } from "../../api/types";
import { useIdempotencyKey } from "../../app/useIdempotencyKey";
import { termQuery, termsQuery } from "./queries";

export function useCreateTerm() {
  const queries = useQueryClient();
  const keyFor = useIdempotencyKey();
  return useMutation({
    mutationFn: (body: NewTerm) =>
      answered(
        api.POST("/api/terms", { params: { header: { "Idempotency-Key": keyFor(body) } }, body }),
      ),
    onSuccess: () => queries.invalidateQueries(termsQuery),
  });
}

export function useSaveTerm(id: number) {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: ({ etag, ...body }: Partial<NewTerm> & { etag: string }) =>
      answeredWithTag(
        api.PATCH("/api/terms/{id}", {
          params: { path: { id }, header: { "If-Match": etag } },
          body,
        }),
      ),
    onSuccess: (saved) => {
      queries.setQueryData(termQuery(id).queryKey, saved);
      void queries.invalidateQueries({ queryKey: ["sections"] });
      return queries.invalidateQueries(termsQuery);
    },
  });
}

export function useDeleteTerm(id: number) {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (etag: string) =>
      answered(
        api.DELETE("/api/terms/{id}", { params: { path: { id }, header: { "If-Match": etag } } }),
      ),
    onSuccess: () => queries.invalidateQueries(termsQuery),
  });
}
