/** Which of a form's fields a refusal of the API is about. */
import type { Problem } from "../api/problem";

/** Conflicts that are about one field: the code of the answer -> the field. */
export type Conflicts = Record<string, string>;

/** Return the codes of each field that is refused; empty where the form as a whole is. */
export function refusals(
  problem: Problem,
  names: readonly string[],
  conflicts: Conflicts = {},
): Map<string, string[]> {
  const found = new Map<string, string[]>();
  const add = (name: string, code: string) => found.set(name, [...(found.get(name) ?? []), code]);
  const conflict = conflicts[problem.code];
  if (conflict !== undefined) add(conflict, problem.code);
  for (const { field, code } of problem.fields) {
    // A field in a list is named by its way there: `periods.0.ends_at`.
    const [name, index, member] = field.split(".");
    if (!names.includes(name!)) continue;
    add(member === undefined ? name! : `${name}.${index}.${member}`, code);
  }
  return found;
}
