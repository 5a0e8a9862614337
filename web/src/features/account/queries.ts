/** Reading and changing what is one's own; a change is seen wherever it is shown. */
import { queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";

import { answered, api } from "../../api/client";
import type { Preferences, Profile } from "../../api/types";

export const preferencesQuery = queryOptions({
  queryKey: ["notification-preferences"],
  queryFn: ({ signal }) => answered(api.GET("/api/notification_preferences", { signal })),
  // The form is made once from what was read.
  refetchOnWindowFocus: false,
});

export function useSaveProfile() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (body: Profile) => answered(api.PATCH("/auth/me", { body })),
    onSuccess: (me) => queries.setQueriesData({ queryKey: ["me"] }, me),
  });
}

export function useChangePassword() {
  return useMutation({
    mutationFn: (body: { current_password: string; new_password: string }) =>
      answered(api.POST("/auth/change-password", { body })),
  });
}

export function useSavePreferences() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (body: Preferences) => answered(api.PUT("/api/notification_preferences", { body })),
    onSuccess: (saved) => queries.setQueryData(preferencesQuery.queryKey, saved),
  });
}

/** Return all that is kept on oneself, as the file that it is. */
export function readOwnData(): Promise<Blob> {
  return answered(api.GET("/auth/me/export", { parseAs: "blob" }));
}
