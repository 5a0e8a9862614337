import { describe, expect, it } from "vitest";

import { breaksRules, verdict } from "./rules";

const LENGTH = { code: "length", message: "", pattern: String.raw`^[\s\S]{4,8}$` };
const COMMON = { code: "common", message: "", pattern: null };

describe("a rule with a pattern", () => {
  it.each([
    ["abc", "broken"],
    ["abcd", "kept"],
    ["two\nlines", "broken"],
    ["a\nbc", "kept"],
    // Characters, not UTF-16 units.
    ["😀😀😀", "broken"],
    ["😀😀😀😀😀😀😀😀", "kept"],
    // As the server normalises: ﬃ is three letters.
    ["ﬃa", "kept"],
  ])("finds %o %s", (password, expected) => {
    expect(verdict(LENGTH, password)).toBe(expected);
  });
});

describe("a rule without one", () => {
  it("is left to the server, until the server has said so", () => {
    expect(verdict(COMMON, "password1234")).toBe("server");
    expect(verdict(COMMON, "password1234", ["common"])).toBe("broken");
  });
});

describe("a password", () => {
  it("is sent when what can be told here is kept", () => {
    expect(breaksRules([LENGTH, COMMON], "abcd")).toBe(false);
    expect(breaksRules([LENGTH, COMMON], "abc")).toBe(true);
  });
});
