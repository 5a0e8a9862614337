import { QueryClient } from "@tanstack/react-query";

import { session } from "../api/client";
import { asProblem } from "../api/problem";

/** Reads are tried again only where that may help; what one person read, the next must not see. */
export const queryClient = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 10_000,
      retry: (failures, thrown) => asProblem(thrown).passing && failures < 2,
      retryDelay: (failures, thrown) =>
        (asProblem(thrown).retryAfterSeconds ?? 0.5 * 2 ** failures) * 1000,
    },
  },
});

let readFor = session.id;

session.watch(() => {
  if (session.id === readFor) {
    // New tokens of the same session: perhaps because the role is another one now.
    void queryClient.invalidateQueries({ queryKey: ["me"] });
  } else {
    readFor = session.id;
    queryClient.clear();
  }
});
