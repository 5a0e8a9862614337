/** Holding a new password against the rules that the server tells; no sentence, no page. */
import type { PasswordRule } from "../../api/types";

/** `server`: only the server can tell, when the password is sent. */
export type Verdict = "kept" | "broken" | "server";

/** Return whether a password keeps a rule; `refused` are the codes that the server found broken. */
export function verdict(
  rule: PasswordRule,
  password: string,
  refused: readonly string[] = [],
): Verdict {
  if (refused.includes(rule.code)) return "broken";
  if (rule.pattern === null) return "server";
  // The form that the server checks and keeps: the same on every keyboard.
  const normal = password.normalize("NFKC");
  return new RegExp(rule.pattern, "u").test(normal) ? "kept" : "broken";
}

/** Return whether a password breaks a rule that can be told here. */
export function breaksRules(rules: readonly PasswordRule[], password: string): boolean {
  return rules.some((rule) => verdict(rule, password) === "broken");
}
