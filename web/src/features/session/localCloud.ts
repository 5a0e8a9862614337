import { queryOptions } from "@tanstack/react-query";

/**
 * Whether the local cloud serves this page: only it has this route. On AWS the address is a page of
 * the app or nothing, so what counts is an answer in JSON.
 */
export const localCloudQuery = queryOptions({
  queryKey: ["local-cloud"],
  queryFn: async ({ signal }) => {
    const response = await fetch("/_local/queues", { signal });
    const body: unknown = await response.json().catch(() => null);
    return response.ok && body !== null;
  },
  staleTime: Infinity,
  retry: false,
});
