/** What can be brought in from a file, by whom, and where it is seen afterwards. */
import type { Me, Task } from "../../api/types";
import { isManager } from "../session/me";

export const KINDS = ["courses", "users"] as const;
export type Kind = (typeof KINDS)[number];

/** Return what somebody of the staff may import. */
export function kindsFor(me: Me): Kind[] {
  return KINDS.filter((kind) => kind !== "users" || isManager(me));
}

export function kindOf(task: Task): Kind {
  return KINDS.find((kind) => kind === task.kind) ?? "courses";
}
