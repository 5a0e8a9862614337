import { describe, expect, it } from "vitest";

import { changes, check, nextPeriod, weeksIn } from "./rules";

const term = {
  code: "2026-autumn",
  name: "Autumn 2026",
  starts_on: "2026-09-08",
  ends_on: "2027-01-10",
  timezone: "Asia/Shanghai",
  periods: [
    { number: 1, starts_at: "08:00", ends_at: "08:45" },
    { number: 3, starts_at: "08:45", ends_at: "09:30" },
  ],
};
const second = (change: object) => ({
  periods: [term.periods[0]!, { ...term.periods[1]!, ...change }],
});

describe("a term", () => {
  it("is right as it is", () => {
    expect(check(term)).toEqual({});
  });

  it.each([
    [{ code: " " }, { code: "required" }],
    [{ ends_on: "2026-09-07" }, { ends_on: "out_of_range" }],
    [{ ends_on: "2027-10-13" }, {}],
    [{ ends_on: "2027-10-14" }, { ends_on: "out_of_range" }],
    [{ starts_on: "" }, { starts_on: "required" }],
    [second({ number: 1 }), { "periods.1.number": "out_of_range" }],
    [second({ number: "" }), { "periods.1.number": "out_of_range" }],
    [second({ starts_at: "08:44" }), { "periods.1.starts_at": "out_of_range" }],
    [second({ ends_at: "08:45" }), { "periods.1.ends_at": "out_of_range" }],
    [second({ ends_at: "" }), { "periods.1.ends_at": "required" }],
  ])("with %o says %o", (change, codes) => {
    expect(check({ ...term, ...change })).toEqual(codes);
  });

  it("counts whole weeks from that of its first day", () => {
    expect(weeksIn(term)).toBe(18);
    expect(weeksIn({ starts_on: "2026-09-13", ends_on: "2026-09-14" })).toBe(2);
    expect(weeksIn({ starts_on: "2026-09-13", ends_on: "2026-09-13" })).toBe(1);
  });

  it("names in a change what differs and nothing else", () => {
    expect(changes(term, { ...term, periods: [...term.periods] })).toEqual({});
    expect(changes(term, { ...term, periods: [] })).toEqual({ periods: [] });
  });
});

describe("the next period", () => {
  it("comes after a break, within the day", () => {
    expect(nextPeriod([])).toEqual({ number: 1, starts_at: "08:00", ends_at: "08:45" });
    expect(nextPeriod(term.periods)).toEqual({ number: 4, starts_at: "09:40", ends_at: "10:25" });
    expect(nextPeriod([{ number: 9, starts_at: "23:00", ends_at: "23:45" }])).toEqual({
      number: 10,
      starts_at: "23:55",
      ends_at: "23:59",
    });
  });
});
