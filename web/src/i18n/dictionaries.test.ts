import { readFileSync } from "node:fs";

import { describe, expect, it } from "vitest";

import { BROUGHT, enBrought } from "./brought";
import { en } from "./en";
import { DICTIONARIES, initialLocale, LOCALES } from "./locale";
import { format, placesOf } from "./messages";
import { translator } from "./useI18n";

const english = { ...en, ...enBrought };
const keys = Object.keys(english) as (keyof typeof english)[];
const documented = readFileSync(new URL("../../../docs/errors.md", import.meta.url), "utf8");

/** The codes in the first column of the table under a heading. */
function codesOf(text: string): string[] {
  const rows = text.split("\n").filter((line) => line.startsWith("| `"));
  return rows.flatMap((row) => [...row.split("|")[1]!.matchAll(/`(\w+)`/g)].map((m) => m[1]!));
}

describe.each(LOCALES)("the dictionary of %s", (locale) => {
  const dictionary = { ...DICTIONARIES[locale], ...BROUGHT[locale] };

  it("has every key and no other", () => {
    expect(Object.keys(dictionary).sort()).toEqual([...keys].sort());
  });

  it("has no empty sentence", () => {
    const empty = keys.filter((key) => !format(dictionary[key], locale, { count: 2 }).trim());
    expect(empty).toEqual([]);
  });

  it("keeps the places of the English sentences", () => {
    const differing = keys.filter(
      (key) => `${placesOf(dictionary[key])}` !== `${placesOf(english[key])}`,
    );
    expect(differing).toEqual([]);
  });

  it.each([
    ["error", documented.split("## Field errors")[0]!],
    ["field", documented.split("## Field errors")[1]!],
  ])("translates every documented %s code", (family, section) => {
    const codes = codesOf(section);
    expect(codes.length).toBeGreaterThan(10);
    expect(codes.filter((code) => !Object.hasOwn(dictionary, `${family}.${code}`))).toEqual([]);
  });
});

describe("a translator", () => {
  it("writes numbers and plurals as the language does", () => {
    expect(translator("en").t("tasks.rows", { count: 1 })).toBe("1 row");
    expect(translator("en").t("tasks.rows", { count: 1551 })).toBe("1,551 rows");
    expect(translator("zh-CN").t("tasks.rows", { count: 1551 })).toBe("1,551 行");
  });

  it("translates a code, and an unknown one in general words", () => {
    const { code } = translator("en");
    expect(code("error", "plan_applied")).toBe("This plan has been applied already.");
    expect(code("error", "made_up")).toBe(en["error.unknown"]);
    expect(code("field", "toString")).toBe(en["field.invalid"]);
  });
});

describe("the first language", () => {
  it.each([
    ["zh-CN", ["en-US"], "zh-CN"],
    [null, ["de-DE", "zh-TW", "en"], "zh-CN"],
    [null, ["en-GB", "zh"], "en"],
    ["xx", ["de"], "en"],
    [null, [], "en"],
  ])("stored %s, wanted %s: %s", (stored, wanted, expected) => {
    expect(initialLocale(stored, wanted)).toBe(expected);
  });
});
