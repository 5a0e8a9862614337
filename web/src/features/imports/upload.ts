/** Sends a file through a presigned form: XMLHttpRequest, since fetch does not tell its progress. */
import { Problem } from "../../api/problem";
import type { UploadForm } from "../../api/types";

interface Options {
  signal: AbortSignal;
  onProgress(sentBytes: number): void;
}

/** Resolve when the storage has the whole file; it is the upload that starts the import. */
export function upload(form: UploadForm, file: File, options: Options): Promise<void> {
  const body = new FormData();
  for (const [name, value] of Object.entries(form.fields)) body.append(name, value);
  // S3 ignores every field that comes after the file.
  body.append("file", file);

  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    const abort = () => request.abort();
    request.upload.onprogress = (event) => options.onProgress(Math.min(event.loaded, file.size));
    request.onload = () => {
      if (request.status >= 200 && request.status < 300) resolve();
      else reject(new Problem(request.status, "upload_refused"));
    };
    request.onerror = () => reject(new Problem(0, "upload_failed"));
    request.onabort = () => reject(new Problem(0, "upload_aborted"));
    request.onloadend = () => options.signal.removeEventListener("abort", abort);
    options.signal.addEventListener("abort", abort);
    request.open("POST", form.url);
    request.send(body);
  });
}
