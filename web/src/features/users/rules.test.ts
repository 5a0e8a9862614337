import { describe, expect, it } from "vitest";

import { changes, checkEmail } from "./rules";

const rosa = {
  username: "rosa",
  email: "rosa@school.example",
  full_name: "Rosa Delgado",
  role: "registrar",
  locale: "en",
} as const;

describe("an e-mail address", () => {
  it.each([
    ["", "required"],
    ["  ", "required"],
    ["rosa", "invalid_email"],
    ["rosa@school", "invalid_email"],
    ["rosa@@school.example", "invalid_email"],
    ["rosa d@school.example", "invalid_email"],
    [" rosa@school.example ", null],
  ])("%o: %s", (address, wrong) => {
    expect(checkEmail(address)).toBe(wrong);
  });
});

describe("a change", () => {
  it("names what differs, and never the username", () => {
    expect(changes(rosa, { ...rosa, username: "other", role: "manager" })).toEqual({
      role: "manager",
    });
    expect(changes(rosa, rosa)).toEqual({});
  });
});
