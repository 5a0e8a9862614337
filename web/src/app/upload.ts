/** Sends files to the storage: by XMLHttpRequest, since fetch does not tell its progress. */
import { Problem } from "../api/problem";
import type { UploadForm } from "../api/types";

export interface Transfer {
  /** Aborts when the transfer is stopped. */
  signal: AbortSignal;
  onProgress(sentBytes: number): void;
}

/** Return a file's name as the API takes it: no slashes, no control characters, not too long. */
export function shownName(name: string): string {
  return name.replace(/[\x00-\x1f\x7f/\\]/g, "_").slice(-255);
}

/** Resolve when the storage has the whole file, sent through a presigned form. */
export function upload(form: UploadForm, file: File, transfer: Transfer): Promise<void> {
  const body = new FormData();
  for (const [name, value] of Object.entries(form.fields)) body.append(name, value);
  // S3 ignores every field that comes after the file.
  body.append("file", file);
  return send("POST", form.url, body, file.size, transfer);
}

/** Resolve when the storage has a part of a file, sent to its presigned address. */
export function uploadPart(url: string, part: Blob, transfer: Transfer): Promise<void> {
  return send("PUT", url, part, part.size, transfer);
}

function send(
  method: "POST" | "PUT",
  url: string,
  body: FormData | Blob,
  size: number,
  transfer: Transfer,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    const abort = () => request.abort();
    request.upload.onprogress = (event) => transfer.onProgress(Math.min(event.loaded, size));
    request.onload = () => {
      if (request.status >= 200 && request.status < 300) resolve();
      else reject(new Problem(request.status, "upload_refused"));
    };
    request.onerror = () => reject(new Problem(0, "upload_failed"));
    request.onabort = () => reject(new Problem(0, "upload_aborted"));
    request.onloadend = () => transfer.signal.removeEventListener("abort", abort);
    transfer.signal.addEventListener("abort", abort);
    request.open(method, url);
    request.send(body);
  });
}
