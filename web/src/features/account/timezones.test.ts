import { describe, expect, it } from "vitest";

import { proposedTimezone, timezones } from "./timezones";

describe("the time zones", () => {
  it("hold UTC and what is kept, whatever the browser knows", () => {
    const known = ["Europe/Paris", "Asia/Shanghai"];
    expect(timezones(known, "Asia/Kolkata", "Europe/Paris")).toEqual([
      "Asia/Kolkata",
      "Asia/Shanghai",
      "Europe/Paris",
      "UTC",
    ]);
  });
});

describe("the proposed time zone", () => {
  it.each([
    ["UTC", "Asia/Shanghai", "Asia/Shanghai"],
    ["Europe/Paris", "Asia/Shanghai", "Europe/Paris"],
    ["UTC", undefined, "UTC"],
  ])("kept %s, browser in %s: %s", (kept, browsers, proposed) => {
    expect(proposedTimezone(kept, browsers)).toBe(proposed);
  });
});
