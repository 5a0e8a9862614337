/** What may be uploaded to a course, and as what; the limits are the API's. */

const MEBIBYTE = 1024 * 1024;
export const MOST_BYTES = 1024 * MEBIBYTE;
/** Up to here a file goes by one form; above, in parts, of which one that fails is sent again. */
export const MOST_FORM_BYTES = 16 * MEBIBYTE;
export const LONGEST_NAME = 255;

export type FileTrouble = "files.no_file" | "files.empty_file" | "files.big_file";

/** Return what is wrong with a chosen file, or null. */
export function checkFile(file: { size: number } | null): FileTrouble | null {
  if (!file) return "files.no_file";
  if (file.size === 0) return "files.empty_file";
  return file.size > MOST_BYTES ? "files.big_file" : null;
}

// Where browsers say nothing, or what Windows with Excel says of a CSV file.
const TYPE_BY_ENDING: Record<string, string> = {
  csv: "text/csv",
  txt: "text/plain",
  md: "text/markdown",
  py: "text/plain",
  c: "text/plain",
  h: "text/plain",
  cpp: "text/plain",
  java: "text/plain",
  sql: "text/plain",
  tex: "text/plain",
  "7z": "application/x-7z-compressed",
  gz: "application/gzip",
  epub: "application/epub+zip",
  heic: "image/heic",
  mkv: "video/x-matroska",
};

/** Return the type that a file is announced with. */
export function contentTypeOf({ name, type }: { name: string; type: string }): string {
  const ending = /\.([^.]+)$/.exec(name)?.[1]?.toLowerCase() ?? "";
  const known = Object.hasOwn(TYPE_BY_ENDING, ending) ? TYPE_BY_ENDING[ending] : undefined;
  // Parameters such as a charset are no part of the name of a type.
  return known ?? (type.split(";")[0]!.trim() || "application/octet-stream");
}
