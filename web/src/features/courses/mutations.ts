/** Changing courses. A change names the version that it was made from; the lists are read anew. */
import { useMutation, useQueryClient } from "@tanstack/react-query";

import { answered, answeredWithTag, api } from "../../api/client";
import type { CourseFields } from "../../api/types";
import { useIdempotencyKey } from "../../app/useIdempotencyKey";
import { courseQuery } from "./queries";

const LISTS = { queryKey: ["courses", "list"] };

export function useCreateCourse() {
  const queries = useQueryClient();
  const keyFor = useIdempotencyKey();
  return useMutation({
    mutationFn: (body: CourseFields) =>
      answered(
        api.POST("/api/courses", { params: { header: { "Idempotency-Key": keyFor(body) } }, body }),
      ),
    onSuccess: () => queries.invalidateQueries(LISTS),
  });
}

export function useSaveCourse(id: number) {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: ({ etag, ...body }: Partial<CourseFields> & { etag: string }) =>
      answeredWithTag(
        api.PATCH("/api/courses/{id}", {
          params: { path: { id }, header: { "If-Match": etag } },
          body,
        }),
      ),
    onSuccess: (saved) => {
      queries.setQueryData(courseQuery(id).queryKey, saved);
      return queries.invalidateQueries(LISTS);
    },
  });
}

export function useDeleteCourse(id: number) {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (etag: string) =>
      answered(
        api.DELETE("/api/courses/{id}", { params: { path: { id }, header: { "If-Match": etag } } }),
      ),
    onSuccess: () => queries.invalidateQueries(LISTS),
  });
}
