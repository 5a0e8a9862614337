/** Reading tasks: one that is watched until it is over, the list, and a plan row by row. */
import {
  infiniteQueryOptions,
  keepPreviousData,
  queryOptions,
  useQuery,
  useQueryClient,
} from "@tanstack/react-query";
import { useEffect } from "react";

import { answered, api } from "../../api/client";
import { pagesQuery } from "../../api/pages";
import { asProblem } from "../../api/problem";
import type { Outcome } from "../../api/types";
import { kindOf, READ_ANEW } from "../imports/kinds";
import { isOver, pollDelay, watched, type Watched } from "./rules";

export function taskQuery(id: string) {
  const queryKey = ["tasks", "one", id];
  return queryOptions({
    queryKey,
    queryFn: async ({ client, signal }): Promise<Watched> => {
      const task = await answered(api.GET("/api/tasks/{id}", { params: { path: { id } }, signal }));
      return watched(client.getQueryData<Watched>(queryKey), task);
    },
    retry: false,
    refetchInterval: ({ state }) =>
      state.error && !asProblem(state.error).passing ? false : pollDelay(state.data),
    staleTime: ({ state }) => (state.data && isOver(state.data.task) ? Infinity : 0),
    // Each answer is news, if only that nothing has moved: the next question waits longer then.
    structuralSharing: false,
  });
}

/** Watch a task; when it is over, what it may have changed is read anew. */
export function useTask(id: string) {
  const queries = useQueryClient();
  const task = useQuery(taskQuery(id));
  const ended = task.data && isOver(task.data.task) ? task.data.task : null;
  const changed = ended?.job === "import" ? READ_ANEW[kindOf(ended)] : null;

  useEffect(() => {
    if (!ended) return;
    void queries.invalidateQueries({ queryKey: ["tasks", "list"] });
    changed?.forEach((key) => void queries.invalidateQueries({ queryKey: [key] }));
  }, [ended, changed, queries]);

  return task;
}

export const tasksQuery = infiniteQueryOptions({
  ...pagesQuery(["tasks", "list"], (after, signal) =>
    answered(api.GET("/api/tasks", { params: { query: { limit: 20, ...after } }, signal })),
  ),
  staleTime: 0,
  refetchInterval: ({ state }) =>
    state.data?.pages.some((page) => page.items.some((task) => !isOver(task))) ? 3_000 : false,
});

export function planQuery(id: string, outcome: Outcome | "all") {
  return {
    ...pagesQuery(["tasks", "plan", id, outcome], (after, signal) =>
      answered(
        api.GET("/api/tasks/{id}/plan", {
          params: {
            path: { id },
            query: { limit: 50, ...(outcome !== "all" && { outcome }), ...after },
          },
          signal,
        }),
      ),
    ),
    placeholderData: keepPreviousData,
    staleTime: Infinity,
  };
}
