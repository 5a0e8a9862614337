/** Who is signed in: read once by `RequireSession`, then at hand for every page below it. */
import { queryOptions } from "@tanstack/react-query";
import { createContext, use, useSyncExternalStore } from "react";

import { answered, api, session } from "../../api/client";
import type { Me } from "../../api/types";

export { hasWeek, isAuthor, isManager, isStaff } from "./roles";

export function meQuery(sessionId: string | null) {
  return queryOptions({
    queryKey: ["me", sessionId],
    queryFn: () => answered(api.GET("/auth/me")),
    staleTime: 60_000,
    enabled: sessionId !== null,
  });
}

export const MeContext = createContext<Me | null>(null);

export function useMe(): Me {
  const me = use(MeContext);
  if (!me) throw new Error("useMe is for pages below RequireSession");
  return me;
}

/** Return what tells the present session from others, or null when nobody is signed in. */
export function useSessionId(): string | null {
  return useSyncExternalStore(session.watch, () => session.id);
}
