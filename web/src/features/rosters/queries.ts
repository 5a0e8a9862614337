/** Who is in a section and who waits for it; a student finds nobody else there. */
import { keepPreviousData, useMutation, useQueryClient } from "@tanstack/react-query";

import { answered, api } from "../../api/client";
import { pagesQuery } from "../../api/pages";
import { sectionQuery } from "../sections/queries";

const PAGE_SIZE = 100;

export function rosterQuery(section: number, q = "") {
  return {
    ...pagesQuery(["roster", section, q], (after, signal) =>
      answered(
        api.GET("/api/sections/{id}/enrollments", {
          params: {
            path: { id: section },
            query: { limit: PAGE_SIZE, ...(q && { q }), ...after },
          },
          signal,
        }),
      ),
    ),
    placeholderData: keepPreviousData,
    staleTime: 0,
  };
}

export function useEnroll(section: number) {
  const afterwards = useSeatsTaken(section);
  return useMutation({
    mutationFn: (user_id: number) =>
      answered(
        api.POST("/api/sections/{id}/enrollments", {
          // Each press is meant: somebody may have been withdrawn since the last one.
          params: { path: { id: section }, header: { "Idempotency-Key": crypto.randomUUID() } },
          body: { user_id },
        }),
      ),
    onSettled: afterwards,
  });
}

export function useWithdraw(section: number) {
  const afterwards = useSeatsTaken(section);
  return useMutation({
    mutationFn: (user_id: number) =>
      answered(
        api.DELETE("/api/sections/{id}/enrollments/{user_id}", {
          params: { path: { id: section, user_id } },
        }),
      ),
    onSettled: afterwards,
  });
}

/** Return what reads anew all that shows seats: a freed one may have gone to the next in line. */
function useSeatsTaken(section: number) {
  const queries = useQueryClient();
  return () =>
    Promise.all([
      queries.invalidateQueries({ queryKey: ["roster", section] }),
      queries.invalidateQueries(sectionQuery(section)),
      queries.invalidateQueries({ queryKey: ["sections", "list"] }),
      queries.invalidateQueries({ queryKey: ["sections", "conflicts"] }),
      queries.invalidateQueries({ queryKey: ["timetable"] }),
    ]);
}
