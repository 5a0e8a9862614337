import { queryOptions } from "@tanstack/react-query";

import { answered, publicApi } from "../../api/client";

export const passwordRulesQuery = queryOptions({
  queryKey: ["password-rules"],
  queryFn: async ({ signal }) =>
    (await answered(publicApi.GET("/auth/password-rules", { signal }))).rules,
  staleTime: Infinity,
});
