/** What a file must be like before it is worth an upload. */
export const MOST_BYTES = 256 * 1024 * 1024;

export type FileTrouble = "imports.no_file" | "imports.empty_file" | "imports.big_file";

export function checkFile(file: { size: number } | null): FileTrouble | null {
  if (!file) return "imports.no_file";
  if (file.size === 0) return "imports.empty_file";
  return file.size > MOST_BYTES ? "imports.big_file" : null;
}

/** Return a file's name as the API takes it: no slashes, no control characters, not too long. */
export function shownName(name: string): string {
  return name.replace(/[\x00-\x1f\x7f/\\]/g, "_").slice(-255);
}
