/** The API's shapes by the school's words; everything else in the app imports from here. */
import type { components } from "./schema";

type Schemas = components["schemas"];

export type Me = Schemas["MeOut"];
export type Role = Me["role"];
export type Course = Schemas["CourseOut"];
export type CourseFields = Required<Schemas["CourseIn"]>;
export type Task = Schemas["TaskOut"];
export type TaskState = Task["state"];
export type PlanRow = Schemas["PlanRow"];
export type Outcome = PlanRow["outcome"];
export type ImportForm = Schemas["ImportOut"];
export type UploadForm = Schemas["UploadForm"];
export type ImportMode = Task["mode"];
