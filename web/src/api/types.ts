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
export type Queues = Schemas["QueuesOut"];
export type Queue = Schemas["QueueOut"];
export type Run = Schemas["RunOut"];
export type AuditAction = AuditEvent["action"];
export type Channel = Schemas["ChannelOut"];
export type ChannelKind = Channel["kind"];
export type ChannelPost = Schemas["PostOut"];
export type NewChannel = Schemas["ChannelIn"];
export type Course = Schemas["CourseOut"];
export type CourseFields = Required<Schemas["CourseIn"]>;
export type Attachment = Schemas["AttachmentOut"];
export type Part = Schemas["PartOut"];
export type PartLinks = Schemas["PartsOut"];
export type Term = Schemas["TermOut"];
export type NewTerm = Required<Schemas["TermIn"]>;
export type Section = Schemas["SectionOut"];
export type SectionStatus = Section["status"];
export type NewSection = Schemas["SectionIn"];
export type SectionChanges = Schemas["SectionChanges"];
export type SectionFilters = NonNullable<paths["/api/sections"]["get"]["parameters"]["query"]>;
export type Meeting = Schemas["MeetingOut"];
export type Conflict = Schemas["ConflictOut"];
export type Conflicts = Schemas["ConflictsOut"];
export type Enrollment = Schemas["EnrollmentOut"];
export type Week = Schemas["TimetableOut"];
export type Person = Schemas["UserRef"];
export type Task = Schemas["TaskOut"];
export type TaskState = Task["state"];
export type PlanRow = Schemas["PlanRow"];
export type Outcome = PlanRow["outcome"];
export type ImportForm = Schemas["ImportOut"];
export type UploadForm = Schemas["UploadForm"];
export type ImportMode = Task["mode"];
export type ExportFilters = Schemas["ExportIn"];
export type Announcement = Schemas["AnnouncementOut"];
export type AnnouncementStatus = Announcement["status"];
export type NewAnnouncement = Schemas["AnnouncementIn"];
export type AnnouncementChanges = Schemas["AnnouncementChanges"];
export type AnnouncementFilters = NonNullable<
  paths["/api/announcements"]["get"]["parameters"]["query"]
>;
export type Audience = Schemas["Audience"];
export type AudienceKind = Audience["kind"];
export type AttachmentRef = Schemas["AttachmentRef"];
export type AudiencePreview = Schemas["PreviewOut"];
export type AnnouncementStats = Schemas["AnnouncementStats"];
export type AnnouncementVersion = Schemas["VersionOut"];
export type Recipient = Schemas["RecipientOut"];
export type RecipientFilters = NonNullable<
  paths["/api/announcements/{id}/deliveries"]["get"]["parameters"]["query"]
>;
export type Delivery = Schemas["DeliveryOut"];
export type DeliveryPage = Schemas["DeliveryPage"];
export type DeliveryState = Schemas["DeliveryState"];
