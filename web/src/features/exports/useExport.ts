import { useMutation } from "@tanstack/react-query";
import { useState } from "react";

import { answered, api } from "../../api/client";
import type { ExportFilters } from "../../api/types";
import type { ExportKind } from "../imports/kinds";

interface Wanted {
  kind: ExportKind;
  filters: ExportFilters;
  /** What it holds, in the reader's words. */
  subject: string;
}

/** Starts an export of what the filters of a list leave, and remembers the last one. */
export function useExport() {
  const [closed, setClosed] = useState<string | null>(null);
  const mutation = useMutation({
    mutationFn: ({ kind, filters }: Wanted) =>
      answered(
        api.POST("/api/exports/{kind}", {
          params: {
            path: { kind },
            header: { "Idempotency-Key": crypto.randomUUID() },
          },
          body: filters,
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
    subject: mutation.variables?.subject ?? "",
  };
}
