import { describe, expect, it } from "vitest";

import { localTime, moment } from "./moments";

describe("a local time", () => {
  it("is a moment by the clock of this place", () => {
    expect(moment("2026-11-26T14:30")).toBe(new Date(2026, 10, 26, 14, 30).toISOString());
    expect(moment("tomorrow")).toBeNull();
  });

  it.each(["2026-11-26T14:30", "2026-07-01T00:05"])("%s comes back out of its moment", (local) => {
    expect(localTime(moment(local)!)).toBe(local);
  });
});
