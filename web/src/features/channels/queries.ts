/** Reading and changing channels; a test is on its way for a moment, so the list is read again. */
import { queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";

import { answered, api } from "../../api/client";
import { pagesQuery } from "../../api/pages";
import type { NewChannel } from "../../api/types";
import { useIdempotencyKey } from "../../app/useIdempotencyKey";

const LIST = { queryKey: ["channels"] };
const PAGE_SIZE = 50;
// As many as one answer holds; nobody chooses among more.
const MOST_CHOICES = 200;
const POLL_MILLISECONDS = 2000;

export function channelsQuery() {
  return {
    ...pagesQuery(["channels"], (after, signal) =>
      answered(
        api.GET("/api/channels", { params: { query: { limit: PAGE_SIZE, ...after } }, signal }),
      ),
    ),
    // While a first try is under way; what is tried again later is not waited for.
    refetchInterval: (query: {
      state: {
        data?: {
          pages: { items: { last_post: { state: string; attempts: number } | null }[] }[];
        };
      };
    }) => {
      const channels = query.state.data?.pages.flatMap((page) => page.items) ?? [];
      const waits = channels.some(
        ({ last_post }) => last_post?.state === "queued" && last_post.attempts === 0,
      );
      return waits ? POLL_MILLISECONDS : false;
    },
  };
}

/** What an author chooses from: the channels that are not paused. */
export function channelChoiceQuery() {
  return queryOptions({
    queryKey: ["channels", "choice"],
    queryFn: ({ signal }) =>
      answered(api.GET("/api/channels", { params: { query: { limit: MOST_CHOICES } }, signal })),
    select: ({ items }) =>
      items
        .filter(({ active }) => active)
        .map(({ id, name }) => ({ value: String(id), label: name })),
  });
}

export function useCreateChannel() {
  const queries = useQueryClient();
  const keyFor = useIdempotencyKey();
  return useMutation({
    mutationFn: (body: NewChannel) =>
      answered(
        api.POST("/api/channels", {
          params: { header: { "Idempotency-Key": keyFor(body) } },
          body,
        }),
      ),
    onSuccess: () => queries.invalidateQueries(LIST),
  });
}

export function useTestChannel(id: number) {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: () => answered(api.POST("/api/channels/{id}/test", { params: { path: { id } } })),
    onSuccess: () => queries.invalidateQueries(LIST),
  });
}

export function useSwitchChannel(id: number) {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (active: boolean) =>
      answered(api.PATCH("/api/channels/{id}", { params: { path: { id } }, body: { active } })),
    onSuccess: () => queries.invalidateQueries(LIST),
  });
}

export function useDeleteChannel(id: number) {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: () => answered(api.DELETE("/api/channels/{id}", { params: { path: { id } } })),
    onSuccess: () => queries.invalidateQueries(LIST),
  });
}
