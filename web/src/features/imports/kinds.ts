/** What can be brought in from a file or taken out as one, by whom, and where it is seen. */
import type { Me, Task } from "../../api/types";
import { isManager } from "../session/roles";

export const KINDS = ["courses", "sections", "enrollments", "users"] as const;
export type Kind = (typeof KINDS)[number];
/** What goes out only is of no import. */
export const ONLY_OUT = ["timetable", "unacknowledged"] as const;
export type ExportKind = Kind | (typeof ONLY_OUT)[number];

export const PAGES: Record<Kind, "/courses" | "/sections" | "/users"> = {
  courses: "/courses",
  sections: "/sections",
  enrollments: "/sections",
  users: "/users",
};

/** Keys of the queries whose answers an import may have changed. */
export const READ_ANEW: Record<Kind, readonly string[]> = {
  courses: ["courses"],
  sections: ["sections", "roster", "timetable"],
  enrollments: ["sections", "roster", "timetable"],
  users: ["users", "people"],
};

/** Return what somebody of the staff may import. */
export function kindsFor(me: Me): Kind[] {
  return KINDS.filter((kind) => kind !== "users" || isManager(me));
}

/** Return the kind of an import. */
export function kindOf(task: Task): Kind {
  return KINDS.find((kind) => kind === task.kind) ?? "courses";
}
