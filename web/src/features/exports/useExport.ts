import { useMutation } from "@tanstack/react-query";
import { useState } from "react";

import { answered, api } from "../../api/client";

interface Filters {
  q: string;
}

/** Starts an export of the courses that the filters leave, and remembers the last one. */
export function useExport() {
  const [closed, setClosed] = useState<string | null>(null);
  const mutation = useMutation({
    mutationFn: ({ q }: Filters) =>
      answered(
        api.POST("/api/exports/{kind}", {
          params: {
            path: { kind: "courses" },
            header: { "Idempotency-Key": crypto.randomUUID() },
          },
          body: q ? { q } : {},
        }),
      ),
  });
  const taskId = mutation.data?.task_id ?? null;
  return {
    start: mutation.mutate,
    close: () => setClosed(taskId),
    starting: mutation.isPending,
    failure: mutation.error,
    taskId: taskId === closed ? null : taskId,
    q: mutation.variables?.q ?? "",
  };
}
