/** Sends files to the storage: by XMLHttpRequest, since fetch does not tell its progress. */
import { Problem } from "../../api/problem";
import type { UploadForm } from "../../api/types";

interface Options {
  signal: AbortSignal;
  onProgress(sentBytes: number): void;
}

/** Resolve when the storage has the whole file, sent through a presigned form. */
export function upload(form: UploadForm, file: File, options: Options): Promise<void> {
  const body = new FormData();
  for (const [name, value] of Object.entries(form.fields)) body.append(name, value);
  // S3 ignores every field that comes after the file.
  body.append("file", file);
  return send("POST", form.url, body, file.size, options);
}

/** Resolve when the storage has a part of a file, sent to its presigned address. */
export function uploadPart(url: string, part: Blob, options: Options): Promise<void> {
  return send("PUT", url, part, part.size, options);
}

function send(
  method: "POST" | "PUT",
  url: string,
  body: FormData | Blob,
  size: number,
  options: Options,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    const abort = () => request.abort();
    request.upload.onprogress = (event) => options.onProgress(Math.min(event.loaded, size));
    request.onload = () => {
      if (request.status >= 200 && request.status < 300) resolve();
      else reject(new Problem(request.status, "upload_refused"));
    };
    request.onerror = () => reject(new Problem(0, "upload_failed"));
    request.onabort = () => reject(new Problem(0, "upload_aborted"));
    request.onloadend = () => options.signal.removeEventListener("abort", abort);
    options.signal.addEventListener("abort", abort);
    request.open(method, url);
    request.send(body);
  });
}
