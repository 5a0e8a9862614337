/** How much is unread: asked every half minute while somebody looks, at little cost by an ETag. */
import { queryOptions, type QueryClient } from "@tanstack/react-query";

import { answeredAnew, api } from "../../api/client";

const PAUSE_MILLISECONDS = 30_000;

interface Counted {
  unread: number;
  /** Names what was counted; null where the number is a guess that the server has to confirm. */
  etag: string | null;
}

const queryKey = ["unread"];

export const unreadQuery = queryOptions({
  queryKey,
  queryFn: async ({ client, signal }): Promise<Counted> => {
    const known = client.getQueryData<Counted>(queryKey);
    const answer = await answeredAnew(
      api.GET("/api/unread_count", {
        params: { header: known?.etag ? { "If-None-Match": known.etag } : {} },
        signal,
      }),
    );
    return answer ? { unread: answer.data.unread, etag: answer.etag } : known!;
  },
  staleTime: 0,
  // Not while the tab is hidden; it asks again when it is looked at.
  refetchInterval: PAUSE_MILLISECONDS,
  // The next question comes by itself.
  retry: false,
});

/** Show at once that one less is unread, and have the server count. */
export function countDown(queries: QueryClient): Promise<void> {
  queries.setQueryData<Counted>(
    queryKey,
    (known) => known && { unread: Math.max(0, known.unread - 1), etag: null },
  );
  return queries.invalidateQueries(unreadQuery);
}
