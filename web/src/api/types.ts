/** The API's shapes by the school's words; everything else in the app imports from here. */
import type { components, paths } from "./schema";

type Schemas = components["schemas"];

export type Me = Schemas["MeOut"];
export type Role = Me["role"];
export type Profile = Schemas["ProfileChanges"];
export type Preferences = Schemas["Preferences"];
export type Registration = Schemas["RegistrationIn"];
export type PasswordRule = Schemas["PasswordRuleOut"];
export type User = Schemas["UserOut"];
export type NewUser = Schemas["UserIn"];
export type UserChanges = Schemas["UserChanges"];
export type UserFilters = NonNullable<paths["/api/users"]["get"]["parameters"]["query"]>;
export type AuditFilters = NonNullable<paths["/api/audit"]["get"]["parameters"]["query"]>;
export type AuditEvent = Schemas["AuditEventOut"];
export type AuditAction = AuditEvent["action"];
export type Course = Schemas["CourseOut"];
export type CourseFields = Required<Schemas["CourseIn"]>;
export type Attachment = Schemas["AttachmentOut"];
export type Part = Schemas["PartOut"];
export type PartLinks = Schemas["PartsOut"];
export type Task = Schemas["TaskOut"];
export type TaskState = Task["state"];
export type PlanRow = Schemas["PlanRow"];
export type Outcome = PlanRow["outcome"];
export type ImportForm = Schemas["ImportOut"];
export type UploadForm = Schemas["UploadForm"];
export type ImportMode = Task["mode"];
export type ExportFilters = Schemas["ExportIn"];
