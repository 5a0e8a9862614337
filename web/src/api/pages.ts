/** Lists that are read page by page: each page names the cursor of the next. */
import { infiniteQueryOptions } from "@tanstack/react-query";

type After = { cursor?: string };

/** Return the query of a list; `read` asks for the page after a cursor, or for the first. */
export function pagesQuery<P extends { next: string | null }>(
  queryKey: readonly unknown[],
  read: (after: After, signal: AbortSignal) => Promise<P>,
) {
  return infiniteQueryOptions({
    queryKey,
    queryFn: ({ pageParam, signal }) => read(pageParam ? { cursor: pageParam } : {}, signal),
    initialPageParam: "",
    getNextPageParam: (page: P) => page.next,
  });
}
