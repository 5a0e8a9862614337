/** Changing courses. A change names the version that it was made from; the lists are read anew. */
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useRef } from "react";

import { answered, answeredWithTag, api } from "../../api/client";
import type { CourseFields } from "../../api/types";
import { courseQuery } from "./queries";

const LISTS = { queryKey: ["courses", "list"] };

export function useCreateCourse() {
  const queries = useQueryClient();
  const key = useRef({ value: "", of: "" });
  return useMutation({
    mutationFn: (body: CourseFields) => {
      // Sending the same again after a lost answer must not make a second course.
      const of = JSON.stringify(body);
      if (key.current.of !== of) key.current = { value: crypto.randomUUID(), of };
      return answered(
        api.POST("/api/courses", {
          params: { header: { "Idempotency-Key": key.current.value } },
          body,
        }),
      );
    },
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
