/** Changing sections. A change names the version that it was made from; all that shows it is read anew. */
import { useMutation, useQueryClient } from "@tanstack/react-query";

import { answered, answeredWithTag, api } from "../../api/client";
import type { NewSection, SectionChanges } from "../../api/types";
import { useIdempotencyKey } from "../../app/useIdempotencyKey";
import { sectionQuery } from "./queries";

const LISTS = { queryKey: ["sections", "list"] };

/** How a section is saved: `allow` in spite of clashes, which counts from registrars only. */
export interface Saving {
  allow?: boolean;
}

export function useCreateSection() {
  const queries = useQueryClient();
  const keyFor = useIdempotencyKey();
  return useMutation({
    mutationFn: ({ allow = false, ...body }: NewSection & Saving) =>
      answered(
        api.POST("/api/sections", {
          params: {
            query: { allow_conflicts: allow },
            header: { "Idempotency-Key": keyFor({ ...body, allow }) },
          },
          body,
        }),
      ),
    onSuccess: () => queries.invalidateQueries(LISTS),
  });
}

export function useSaveSection(id: number) {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: ({ etag, allow = false, ...body }: SectionChanges & Saving & { etag: string }) =>
      answeredWithTag(
        api.PATCH("/api/sections/{id}", {
          params: {
            path: { id },
            query: { allow_conflicts: allow },
            header: { "If-Match": etag },
          },
          body,
        }),
      ),
    onSuccess: (saved) => {
      queries.setQueryData(sectionQuery(id).queryKey, saved);
      void queries.invalidateQueries({ queryKey: ["timetable"] });
      void queries.invalidateQueries({ queryKey: ["roster", id] });
      void queries.invalidateQueries({ queryKey: ["sections", "conflicts"] });
      return queries.invalidateQueries(LISTS);
    },
  });
}

export function useDeleteSection(id: number) {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (etag: string) =>
      answered(
        api.DELETE("/api/sections/{id}", {
          params: { path: { id }, header: { "If-Match": etag } },
        }),
      ),
    onSuccess: () => queries.invalidateQueries(LISTS),
  });
}
