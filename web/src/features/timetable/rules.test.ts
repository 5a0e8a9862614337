import { describe, expect, it } from "vitest";

import {
  meetingsIn,
  periodsIn,
  shownDays,
  weekAfter,
  weekOf,
  type Day,
  type Meeting,
} from "./rules";

const meeting = (first_period: number, last_period: number) =>
  ({ first_period, last_period }) as Meeting;
const day = (weekday: number, ...meetings: Meeting[]): Day => ({
  date: "2026-09-07",
  weekday,
  meetings,
});

describe("a week", () => {
  it.each([
    ["2026-08-31", 0, "2026-W36"],
    ["2026-12-28", 0, "2026-W53"],
    ["2026-12-28", 1, "2027-W01"],
    ["2027-01-04", -1, "2026-W53"],
    ["2024-12-30", 0, "2025-W01"],
  ])("from %s on by %i is %s", (monday, weeks, week) => {
    expect(weekAfter(monday, weeks)).toBe(week);
  });

  it("of an address is one or nothing", () => {
    expect(weekOf("2026-W36")).toBe("2026-W36");
    expect(weekOf("next")).toBe("");
  });
});

describe("the grid", () => {
  const days = [day(1, meeting(1, 2), meeting(2, 2)), day(2, meeting(5, 5)), day(6), day(7)];

  it("has the periods that something is in, and the days of the week", () => {
    expect(periodsIn(days)).toEqual([1, 2, 5]);
    expect(shownDays(days).map(({ weekday }) => weekday)).toEqual([1, 2]);
    expect(shownDays([day(6, meeting(1, 1)), day(7)]).map(({ weekday }) => weekday)).toEqual([6]);
  });

  it("shows a meeting in each of its periods, and all that clash", () => {
    expect(meetingsIn(days[0]!, 1)).toHaveLength(1);
    expect(meetingsIn(days[0]!, 2)).toHaveLength(2);
    expect(meetingsIn(days[0]!, 5)).toEqual([]);
  });
});
