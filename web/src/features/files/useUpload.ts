import { useQueryClient } from "@tanstack/react-query";

import { answered, api } from "../../api/client";
import { asProblem, Problem } from "../../api/problem";
import type { Attachment } from "../../api/types";
import { shownName, upload, uploadPart, type Transfer } from "../../app/upload";
import { useTransfer } from "../../app/useTransfer";
import { sendParts } from "./parts";
import { filesQuery } from "./queries";
import { contentTypeOf, MOST_FORM_BYTES } from "./rules";

const MOST_COMPLETIONS = 4;
const PAUSE_MILLISECONDS = 1_500;

interface Wanted {
  file: File;
  title: string;
}

/** Announces a file of a course, sends it and has it checked; what cannot be finished is given up. */
export function useUpload(course: number) {
  const queries = useQueryClient();
  return useTransfer(
    async ({ file, title }: Wanted, { signal, onProgress }) => {
      const { attachment, upload: form } = await answered(
        api.POST("/api/course_attachments", {
          params: { header: { "Idempotency-Key": crypto.randomUUID() } },
          body: {
            course,
            ...(title && { title }),
            filename: shownName(file.name),
            content_type: contentTypeOf(file),
            size: file.size,
          },
          signal,
        }),
      );
      try {
        if (file.size <= MOST_FORM_BYTES) {
          await upload(form, file, { signal, onProgress });
        } else {
          await uploadInParts(attachment, file, { signal, onProgress });
        }
        return await complete(attachment.id);
      } catch (thrown) {
        // At best: what stays is swept after a day.
        await answered(
          api.DELETE("/api/course_attachments/{id}", { params: { path: { id: attachment.id } } }),
        ).catch(() => undefined);
        throw signal.aborted ? new Problem(0, "upload_aborted") : thrown;
      }
    },
    { onSettled: () => queries.invalidateQueries(filesQuery(course)) },
  );
}

function uploadInParts(
  { id }: Attachment,
  file: File,
  { signal, onProgress }: Transfer,
): Promise<void> {
  return sendParts({
    ask: (numbers) =>
      answered(
        api.POST("/api/course_attachments/{id}/parts", {
          params: { path: { id } },
          body: { numbers },
          signal,
        }),
      ),
    put: (part, from, onPartProgress) =>
      uploadPart(part.url, file.slice(from, from + part.size), {
        signal,
        onProgress: onPartProgress,
      }),
    onProgress,
    signal,
  });
}

/** Have the file checked; the check of a large one may outlast an answer, and is asked for again. */
async function complete(id: number): Promise<Attachment> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await answered(
        api.POST("/api/course_attachments/{id}/complete", { params: { path: { id } } }),
      );
    } catch (thrown) {
      if (tries === MOST_COMPLETIONS || !asProblem(thrown).passing) throw thrown;
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MILLISECONDS * tries));
    }
  }
}
