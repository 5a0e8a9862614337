/** The reader's inbox, page by page, and telling the server that something was shown or read. */
import {
  keepPreviousData,
  useMutation,
  useQueryClient,
  type InfiniteData,
} from "@tanstack/react-query";

import { answered, api } from "../../api/client";
import { pagesQuery } from "../../api/pages";
import { asProblem } from "../../api/problem";
import type { Delivery, DeliveryPage } from "../../api/types";
import { withState } from "./rules";
import { countDown, unreadQuery } from "./unread";

const PAGE_SIZE = 20;
const INBOX = { queryKey: ["inbox"] };

export function inboxQuery(unread: boolean) {
  return {
    ...pagesQuery([...INBOX.queryKey, { unread }], (after, signal) =>
      answered(
        api.GET("/api/deliveries", {
          params: { query: { limit: PAGE_SIZE, ...(unread && { unread }), ...after } },
          signal,
        }),
      ),
    ),
    placeholderData: keepPreviousData,
    staleTime: 0,
    // Not under the eyes of who reads: what is new is found by the count of the unread.
    refetchOnWindowFocus: false,
  };
}

interface Told {
  delivery: Delivery;
  /** That it was shown, or that it was read. */
  what: "delivered" | "ack";
}

/** Tell the server how far a delivery is; the list and the bell show it at once. */
export function useTell() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: ({ delivery: { id }, what }: Told) =>
      answered(
        what === "ack"
          ? api.POST("/api/deliveries/{id}/ack", { params: { path: { id } } })
          : api.POST("/api/deliveries/{id}/delivered", { params: { path: { id } } }),
      ),
    onSuccess: (said, { what }) => {
      queries.setQueriesData<InfiniteData<DeliveryPage>>(
        INBOX,
        (read) => read && { ...read, pages: withState(read.pages, said) },
      );
      return what === "ack" ? countDown(queries) : undefined;
    },
    onError: (thrown) => {
      if (!wasWithdrawn(thrown)) return;
      void queries.invalidateQueries(INBOX);
      void queries.invalidateQueries(unreadQuery);
    },
  });
}

/** Whether what was opened had been withdrawn meanwhile. */
export function wasWithdrawn(thrown: unknown): boolean {
  return asProblem(thrown).code === "announcement_withdrawn";
}
