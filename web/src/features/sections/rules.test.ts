import { describe, expect, it } from "vitest";

import { Problem } from "../../api/problem";
import type { Me, Section } from "../../api/types";
import {
  changes,
  check,
  conflictsOf,
  fieldsOf,
  filtersOf,
  formatWeeks,
  mayEdit,
  nextStatus,
  parseWeeks,
} from "./rules";

const section: Section = {
  id: 1,
  course: { id: 7, code: "CS101", title: "Computing" },
  section_code: "01",
  term: "2026-autumn",
  teacher: { id: 3, username: "ben", full_name: "" },
  capacity: 50,
  status: "draft",
  enrolled: 0,
  waitlisted: 0,
  meetings: [{ weekday: 1, first_period: 1, last_period: 2, weeks: [1, 3, 5], room: "A101" }],
};
const me = (role: Me["role"], id = 3) => ({ role, id }) as Me;

describe("weeks", () => {
  it.each([
    ["1-3, 5", 16, [1, 2, 3, 5]],
    ["5，1–2", 16, [1, 2, 5]],
    [" ODD ", 5, [1, 3, 5]],
    ["even", 5, [2, 4]],
    ["all", 3, [1, 2, 3]],
    ["3-1", 16, null],
    ["0", 16, null],
    ["17", 16, null],
    ["even", 1, null],
    ["", 16, null],
    ["1,", 16, null],
    ["constructor", 16, null],
  ])("written %s in a term of %i are %o", (text, lastWeek, weeks) => {
    expect(parseWeeks(text, lastWeek)).toEqual(weeks);
  });

  it.each([
    [[1, 2, 3, 5], "1-3,5"],
    [[1, 3, 5, 7], "odd"],
    [[2, 4, 6, 8], "even"],
    [[1, 2, 3, 4, 5, 6, 7, 8], "all"],
  ])("%o are written %s, and read again", (weeks, text) => {
    expect(formatWeeks(weeks, 8)).toBe(text);
    expect(parseWeeks(text, 8)).toEqual(weeks);
  });
});

describe("the fields of a section", () => {
  const grid = { lastWeek: 6, periods: [1, 2] };
  const fields = fieldsOf(section, 6);

  it("are right as they were read", () => {
    expect(fields.meetings[0]!.weeks).toBe("odd");
    expect(check(fields, grid)).toEqual({});
    expect(changes(fields, { ...fields }, 6)).toEqual({});
  });

  it.each([
    [{ course_id: null }, { course_id: "required" }],
    [{ capacity: "" }, { capacity: "out_of_range" }],
    [{ capacity: 100_001 }, { capacity: "out_of_range" }],
    [
      { meetings: [{ ...fields.meetings[0]!, last_period: "3", weeks: "7" }] },
      { "meetings.0.last_period": "not_one_of", "meetings.0.weeks": "invalid_weeks" },
    ],
  ])("with %o say %o", (change, codes) => {
    expect(check({ ...fields, ...change }, grid)).toEqual(codes);
  });

  it("tell the API what differs and nothing else", () => {
    expect(changes(fields, { ...fields, teacher_id: null, capacity: 5 }, 6)).toEqual({
      teacher_id: null,
      capacity: 5,
    });
  });
});

describe("rights", () => {
  it("are of who keeps sections and of who teaches it", () => {
    expect(mayEdit(me("registrar", 9), section)).toBe(true);
    expect(mayEdit(me("teacher"), section)).toBe(true);
    expect(mayEdit(me("teacher", 9), section)).toBe(false);
    expect(mayEdit(me("student"), section)).toBe(false);
  });

  it("bring a section back from the archive for registrars only", () => {
    expect(nextStatus(me("teacher"), section)).toBe("published");
    const archived: Section = { ...section, status: "archived" };
    expect(nextStatus(me("teacher"), archived)).toBe(null);
    expect(nextStatus(me("manager"), archived)).toBe("published");
  });
});

describe("what was refused", () => {
  it("for clashes has them", () => {
    const conflicts = [{ kind: "room" }];
    const problem = new Problem(409, "schedule_conflict", { body: { conflicts } });
    expect(conflictsOf(problem)).toEqual(conflicts);
    expect(conflictsOf(new Problem(409, "section_code_taken"))).toBe(null);
  });
});

describe("the filters", () => {
  it("leave out what the API would refuse", () => {
    const words = { q: "", course: "x", term: "t", teacher: "4", status: "gone" };
    expect(filtersOf(words)).toEqual({ term: "t", teacher: 4 });
  });
});
