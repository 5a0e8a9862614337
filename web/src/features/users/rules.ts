/** What a user may look like, to say it before the server has to; the limits are the API's. */
import type { NewUser, Role, User, UserChanges, UserFilters } from "../../api/types";

export const LIMITS = { username: 64, email: 254, fullName: 200 };
export const ROLES: readonly Role[] = ["student", "teacher", "registrar", "manager"];

export type UserFields = Required<NewUser>;

export const NEW_USER: UserFields = {
  username: "",
  email: "",
  full_name: "",
  role: "student",
  locale: "en",
};

// Only what is surely none: the server knows the rest.
const EMAIL = /^[^\s@]+@[^\s@]+\.[^\s@]+$/;

/** Return the code of what is wrong with an e-mail address, or null. */
export function checkEmail(address: string): string | null {
  const trimmed = address.trim();
  if (!trimmed) return "required";
  return EMAIL.test(trimmed) ? null : "invalid_email";
}

export function fieldsOf({ username, email, full_name, role, locale }: User): UserFields {
  return { username, email, full_name, role, locale };
}

/** Return the fields that differ: what is not named in a change stays as somebody else left it. */
export function changes(before: UserFields, after: UserFields): UserChanges {
  const names = ["email", "full_name", "role", "locale"] as const;
  return Object.fromEntries(
    names.filter((name) => before[name] !== after[name]).map((name) => [name, after[name]]),
  );
}

export const SORTS = ["username", "full_name", "email", "-created_at", "created_at"] as const;

/** Return the filters of the API that the words of an address mean; what means nothing is left out. */
export function filtersOf(words: Record<"q" | "role" | "active" | "sort", string>): UserFilters {
  const role = ROLES.find((known) => known === words.role);
  const sort = SORTS.find((known) => known === words.sort);
  return {
    ...(words.q && { q: words.q }),
    ...(role && { role }),
    ...((words.active === "true" || words.active === "false") && {
      active: words.active === "true",
    }),
    ...(sort && { sort }),
  };
}

/** Tell whether nobody can be this user any more: what is left is a number. */
export function isErased(user: User): boolean {
  return !user.active && user.email.endsWith("@erased.invalid");
}
