/** Who is signed in: read once by `RequireSession`, then at hand for every page below it. */
import { queryOptions } from "@tanstack/react-query";
import { createContext, use, useSyncExternalStore } from "react";

import { answered, api } from "../../api/client";
import { accessToken, watchToken } from "../../api/token";
import type { Me } from "../../api/types";

export const meQuery = queryOptions({
  queryKey: ["me"],
  queryFn: () => answered(api.GET("/auth/me")),
  staleTime: 60_000,
});

export const MeContext = createContext<Me | null>(null);

export function useMe(): Me {
  const me = use(MeContext);
  if (!me) throw new Error("useMe is for pages below RequireSession");
  return me;
}

export function useSignedIn(): boolean {
  return useSyncExternalStore(watchToken, accessToken) !== null;
}

/** Whether somebody keeps the catalogue: courses, imports, exports. */
export function isStaff(me: Me): boolean {
  return me.role === "registrar" || me.role === "manager";
}
