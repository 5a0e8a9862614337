import { describe, expect, it } from "vitest";

import { changes, check, fieldCodes } from "./rules";

const course = { code: "CS101", title: "Computing", description: "", credits: 3 };

describe("a course", () => {
  it("is right as it is", () => {
    expect(check(course)).toEqual({});
  });

  it.each([
    [{ code: "  " }, { code: "required" }],
    [{ title: "" }, { title: "required" }],
    [{ credits: -0.5 }, { credits: "out_of_range" }],
    [{ credits: 1000 }, { credits: "out_of_range" }],
    [{ credits: "" }, { credits: "out_of_range" }],
  ])("with %o is refused", (wrong, codes) => {
    expect(check({ ...course, ...wrong })).toEqual(codes);
  });
});

describe("a refusal of the API", () => {
  it("is shown at its field", () => {
    expect(fieldCodes("invalid", [{ field: "title", code: "too_long" }])).toEqual({
      title: "too_long",
    });
    expect(fieldCodes("course_code_taken", [])).toEqual({ code: "course_code_taken" });
  });

  it("of a field that is not shown is left to the form as a whole", () => {
    expect(fieldCodes("invalid", [{ field: "teacher", code: "unknown_field" }])).toEqual({});
  });
});

describe("a change", () => {
  it("names what differs and nothing else", () => {
    expect(changes(course, { ...course, credits: 2.5 })).toEqual({ credits: 2.5 });
    expect(changes(course, { ...course })).toEqual({});
  });
});
