/** What somebody may, by role. */
import type { Me } from "../../api/types";

/** Whether somebody keeps the catalogue: courses, imports, exports. */
export function isStaff(me: Me): boolean {
  return me.role === "registrar" || me.role === "manager";
}

export function isManager(me: Me): boolean {
  return me.role === "manager";
}
