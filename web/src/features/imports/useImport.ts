import { useNavigate } from "react-router";

import { answered, api } from "../../api/client";
import type { ImportForm, ImportMode } from "../../api/types";
import { shownName, upload } from "../../app/upload";
import { useTransfer } from "../../app/useTransfer";
import type { Kind } from "./kinds";

interface Wanted {
  file: File;
  kind: Kind;
  mode: ImportMode;
  invite: boolean;
}

/** Asks for a form, uploads, and goes to the task that the upload has started. */
export function useImport() {
  const navigate = useNavigate();
  return useTransfer(
    async ({ file, kind, mode, invite }: Wanted, { signal, onProgress }) => {
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
      await upload(form.upload, file, { signal, onProgress });
      return form.task_id;
    },
    { onSuccess: (taskId) => navigate(`/tasks/${taskId}`) },
  );
}
