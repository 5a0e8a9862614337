import { describe, expect, it } from "vitest";

import { loginPath, returnPath } from "./returnPath";

const origin = "https://school.example";

describe("the way back after signing in", () => {
  it("survives the login page", () => {
    const path = loginPath("/courses?q=有机 & more");
    const next = new URL(path, origin).searchParams.get("next");
    expect(returnPath(next, origin)).toBe("/courses?q=%E6%9C%89%E6%9C%BA%20&%20more");
  });

  it("is not written for the start page", () => {
    expect(loginPath("/")).toBe("/login");
  });

  it.each([
    null,
    "",
    "courses",
    "https://evil.example/",
    "//evil.example/courses",
    "/\\evil.example",
    "javascript:alert(1)",
    "/login?next=/login",
  ])("%s leads to the start page", (next) => {
    expect(returnPath(next, origin)).toBe("/");
  });
});
