import { QueryClient } from "@tanstack/react-query";

import { asProblem } from "../api/problem";
import { accessToken, watchToken } from "../api/token";

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

watchToken(() => {
  if (accessToken() === null) queryClient.clear();
});
