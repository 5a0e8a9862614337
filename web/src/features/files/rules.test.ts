import { describe, expect, it } from "vitest";

import { checkFile, contentTypeOf, MOST_BYTES } from "./rules";

describe("a chosen file", () => {
  it.each([
    [null, "files.no_file"],
    [{ size: 0 }, "files.empty_file"],
    [{ size: 1 }, null],
    [{ size: MOST_BYTES }, null],
    [{ size: MOST_BYTES + 1 }, "files.big_file"],
  ])("%o: %s", (file, trouble) => {
    expect(checkFile(file)).toBe(trouble);
  });
});

describe("the type of a file", () => {
  it.each([
    ["讲义.pdf", "application/pdf", "application/pdf"],
    ["grades.CSV", "application/vnd.ms-excel", "text/csv"],
    ["main.py", "", "text/plain"],
    ["notes.txt", "text/plain;charset=utf-8", "text/plain"],
    ["clip", "video/mp4; codecs=avc1", "video/mp4"],
    ["a.constructor", "", "application/octet-stream"],
    ["nothing", "", "application/octet-stream"],
  ])("of %s, which the browser says is %s, is %s", (name, type, expected) => {
    expect(contentTypeOf({ name, type })).toBe(expected);
  });
});
