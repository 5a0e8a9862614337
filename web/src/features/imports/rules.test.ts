import { describe, expect, it } from "vitest";

import { bytes } from "../../app/bytes";
import { shownName } from "../../app/upload";
import { checkFile, MOST_BYTES } from "./rules";

describe("a file", () => {
  it.each([
    [null, "imports.no_file"],
    [{ size: 0 }, "imports.empty_file"],
    [{ size: MOST_BYTES }, null],
    [{ size: MOST_BYTES + 1 }, "imports.big_file"],
  ])("%o: %s", (file, trouble) => {
    expect(checkFile(file)).toBe(trouble);
  });
});

describe("a size", () => {
  it.each([
    [512, "512 B"],
    [1536, "1.5 KiB"],
    [MOST_BYTES, "256 MiB"],
    [1.5 * 1024 ** 3, "1.5 GiB"],
    [5000 * 1024 ** 3, "5,000 GiB"],
  ])("of %i is written %s", (size, text) => {
    expect(bytes(size, "en")).toBe(text);
  });
});

describe("a file's name", () => {
  it("is sent as the API takes it, with its end", () => {
    expect(shownName("课程 2026.csv")).toBe("课程 2026.csv");
    expect(shownName("a\\b/c\n.csv")).toBe("a_b_c_.csv");
    expect(shownName(`${"x".repeat(300)}.csv`)).toMatch(/^x{251}\.csv$/);
  });
});
