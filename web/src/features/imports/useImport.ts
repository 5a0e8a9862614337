import { useMutation } from "@tanstack/react-query";
import { useRef, useState } from "react";
import { useNavigate } from "react-router";

import { answered, api } from "../../api/client";
import { asProblem } from "../../api/problem";
import type { ImportForm, ImportMode } from "../../api/types";
import type { Kind } from "./kinds";
import { shownName } from "./rules";
import { upload } from "./upload";

interface Wanted {
  file: File;
  kind: Kind;
  mode: ImportMode;
  invite: boolean;
}

/** Asks for a form, uploads, and goes to the task that the upload has started. */
export function useImport() {
  const navigate = useNavigate();
  const stopping = useRef<AbortController | null>(null);
  const [sentBytes, setSentBytes] = useState(0);

  const mutation = useMutation({
    mutationFn: async ({ file, kind, mode, invite }: Wanted) => {
      const { signal } = (stopping.current = new AbortController());
      setSentBytes(0);
      // The other answer is for a file that is the body itself.
      const form = (await answered(
        api.POST("/api/imports/{kind}", {
          params: {
            path: { kind },
            header: { "Idempotency-Key": crypto.randomUUID() },
          },
          body: { filename: shownName(file.name), mode, invite: kind === "users" && invite },
          signal,
        }),
      )) as ImportForm;
      await upload(form.upload, file, { signal, onProgress: setSentBytes });
      return form.task_id;
    },
    onSuccess: (taskId) => navigate(`/tasks/${taskId}`),
  });

  const stopped = mutation.isError && asProblem(mutation.error).code === "upload_aborted";
  return {
    begin: mutation.mutate,
    stop: () => stopping.current?.abort(),
    uploading: mutation.isPending,
    sentBytes,
    failure: stopped ? null : mutation.error,
  };
}
