/** Reading terms: all of them at once, since a school has few, and one with its ETag. */
import { queryOptions } from "@tanstack/react-query";

import { answered, answeredWithTag, api } from "../../api/client";

const MOST_TERMS = 200;

/** The terms, the latest first. */
export const termsQuery = queryOptions({
  queryKey: ["terms", "list"],
  queryFn: ({ signal }) =>
    answered(api.GET("/api/terms", { params: { query: { limit: MOST_TERMS } }, signal })).then(
      ({ items }) => items,
    ),
  staleTime: 60_000,
});

export function termQuery(id: number) {
  return queryOptions({
    queryKey: ["terms", "one", id],
    queryFn: ({ signal }) =>
      answeredWithTag(api.GET("/api/terms/{id}", { params: { path: { id } }, signal })),
  });
}
