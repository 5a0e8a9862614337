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

// A file is of a course, or waits for the announcement that comes with it.
const ROUTES = {
  course: {
    file: "/api/course_attachments/{id}",
    parts: "/api/course_attachments/{id}/parts",
    complete: "/api/course_attachments/{id}/complete",
  },
  announcement: {
    file: "/api/announcement_attachments/{id}",
    parts: "/api/announcement_attachments/{id}/parts",
    complete: "/api/announcement_attachments/{id}/complete",
  },
} as const;
type Routes = (typeof ROUTES)[keyof typeof ROUTES];

interface Wanted {
  file: File;
  title: string;
}

/**
 * Says which file is to come, sends it and has it checked; what cannot be finished is given up.
 * Without a course it is one for announcements.
 */
export function useUpload(course: number | null) {
  const queries = useQueryClient();
  const routes = ROUTES[course === null ? "announcement" : "course"];
  return useTransfer(
    async ({ file, title }: Wanted, { signal, onProgress }) => {
      const fields = {
        ...(title && { title }),
        filename: shownName(file.name),
        content_type: contentTypeOf(file),
        size: file.size,
      };
      const params = { header: { "Idempotency-Key": crypto.randomUUID() } };
      const { attachment, upload: form } = await answered(
        course === null
          ? api.POST("/api/announcement_attachments", { params, body: fields, signal })
          : api.POST("/api/course_attachments", { params, body: { course, ...fields }, signal }),
      );
      try {
        if (file.size <= MOST_FORM_BYTES) {
          await upload(form, file, { signal, onProgress });
        } else {
          await uploadInParts(routes, attachment, file, { signal, onProgress });
        }
        return await complete(routes, attachment.id);
      } catch (thrown) {
        // At best: what stays is swept after a day.
        await answered(api.DELETE(routes.file, { params: { path: { id: attachment.id } } })).catch(
          () => undefined,
        );
        throw signal.aborted ? new Problem(0, "upload_aborted") : thrown;
      }
    },
    {
      onSettled: () =>
        course === null ? undefined : queries.invalidateQueries(filesQuery(course)),
    },
  );
}

function uploadInParts(
  routes: Routes,
  { id }: Attachment,
  file: File,
  { signal, onProgress }: Transfer,
): Promise<void> {
  return sendParts({
    ask: (numbers) =>
      answered(
        api.POST(routes.parts, {
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
async function complete(routes: Routes, id: number): Promise<Attachment> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await answered(api.POST(routes.complete, { params: { path: { id } } }));
    } catch (thrown) {
      if (tries === MOST_COMPLETIONS || !asProblem(thrown).passing) throw thrown;
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MILLISECONDS * tries));
    }
  }
}
