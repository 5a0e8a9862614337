/** What somebody may, by role. */
import type { Me } from "../../api/types";

/** Whether somebody keeps the catalogue: courses, imports, exports. */
export function isStaff(me: Me): boolean {
  return me.role === "registrar" || me.role === "manager";
}

export function isManager(me: Me): boolean {
  return me.role === "manager";
}

/** Whether somebody has a timetable: who teaches and who learns. */
export function hasWeek(me: Me): boolean {
  return me.role === "teacher" || me.role === "student";
}

/** Whether somebody writes announcements. */
export function isAuthor(me: Me): boolean {
  return me.role !== "student";
}
