import { afterEach, describe, expect, it, vi } from "vitest";

import { forgetLinkToken, linkToken, takeLinkToken } from "./link";

const open = (pathname: string, search: string) => {
  const replaceState = vi.fn();
  takeLinkToken({ pathname, search }, { replaceState });
  return replaceState;
};

afterEach(forgetLinkToken);

describe("a link that sets a password", () => {
  it.each(["/reset-password", "/reset-password/"])("at %s gives its token away once", (path) => {
    const replaceState = open(path, "?token=a-b_c");
    expect(replaceState).toHaveBeenCalledExactlyOnceWith(null, "", "/reset-password");
    expect(linkToken()).toBe("a-b_c");
    forgetLinkToken();
    expect(linkToken()).toBeNull();
  });

  it.each([
    ["/reset-password", ""],
    ["/reset-password", "?tokens=x"],
    ["/courses", "?token=x"],
  ])("is not %s%s", (path, search) => {
    expect(open(path, search)).not.toHaveBeenCalled();
    expect(linkToken()).toBeNull();
  });

  it("without a token is cleaned all the same", () => {
    expect(open("/reset-password", "?token=")).toHaveBeenCalled();
    expect(linkToken()).toBeNull();
  });
});
