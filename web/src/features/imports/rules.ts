/** What a file must be like before it is worth an upload. */
export const MOST_BYTES = 256 * 1024 * 1024;

export type FileTrouble = "imports.no_file" | "imports.empty_file" | "imports.big_file";

export function checkFile(file: { size: number } | null): FileTrouble | null {
  if (!file) return "imports.no_file";
  if (file.size === 0) return "imports.empty_file";
  return file.size > MOST_BYTES ? "imports.big_file" : null;
}
