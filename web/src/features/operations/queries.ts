/** What waits and what failed, asked again now and then; and dead letters put back. */
import { queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";

import { answered, api } from "../../api/client";

const queryKey = ["queues"];

export const queuesQuery = queryOptions({
  queryKey,
  queryFn: ({ signal }) => answered(api.GET("/api/ops/queues", { signal })),
  staleTime: 0,
  refetchInterval: 10_000,
});

/** Move dead letters of a queue back; the page is read anew. */
export function useRedrive(name: string) {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: () =>
      answered(api.POST("/api/ops/queues/{name}/redrive", { params: { path: { name } } })),
    onSettled: () => queries.invalidateQueries({ queryKey }),
  });
}
