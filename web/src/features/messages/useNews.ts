import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef } from "react";

import { unreadQuery } from "./unread";

/** Read the inbox anew when the bell hears of a change, but not while something in it is open. */
export function useNews(reading: boolean): void {
  const queries = useQueryClient();
  const etag = useQuery(unreadQuery).data?.etag;
  const shown = useRef(etag);

  useEffect(() => {
    if (reading || !etag || etag === shown.current) return;
    const first = shown.current === undefined;
    shown.current = etag;
    if (!first) void queries.invalidateQueries({ queryKey: ["inbox"] });
  }, [etag, reading, queries]);
}
