import { describe, expect, it } from "vitest";

import { Problem } from "../api/problem";
import { refusals } from "./refusals";

const NAMES = ["username", "password"];
const invalid = (...fields: { field: string; code: string }[]) =>
  new Problem(422, "invalid", { fields });

describe("a refusal", () => {
  it("is told at each of its fields, with everything that is wrong there", () => {
    const problem = invalid(
      { field: "password", code: "length" },
      { field: "username", code: "too_short" },
      { field: "password", code: "common" },
    );
    expect(Object.fromEntries(refusals(problem, NAMES))).toEqual({
      password: ["length", "common"],
      username: ["too_short"],
    });
  });

  it("of something in a list is told where it stands", () => {
    const problem = invalid(
      { field: "meetings.1.weeks.0", code: "out_of_range" },
      { field: "meetings", code: "too_many" },
      { field: "rooms.0.name", code: "required" },
    );
    expect(Object.fromEntries(refusals(problem, ["meetings"]))).toEqual({
      "meetings.1.weeks": ["out_of_range"],
      meetings: ["too_many"],
    });
  });

  it("of what another has is told at its field", () => {
    const taken = refusals(new Problem(409, "username_taken"), NAMES, {
      username_taken: "username",
    });
    expect(Object.fromEntries(taken)).toEqual({ username: ["username_taken"] });
  });

  it("of anything else is left to the form as a whole", () => {
    expect(refusals(new Problem(409, "last_manager"), NAMES).size).toBe(0);
    expect(refusals(invalid({ field: "token", code: "too_long" }), NAMES).size).toBe(0);
  });
});
