/** The audit log's words: what was done, to what, and what a filter or a change means. */
import type { AuditAction, AuditEvent, AuditFilters } from "../../api/types";
import { moment } from "../../app/moments";

export const OBJECT_KINDS = [
  "user",
  "course",
  "attachment",
  "term",
  "section",
  "announcement",
  "channel",
  "task",
  "queue",
] as const;
export const FILTERS = ["actor", "action", "object_kind", "object_id", "since", "until"] as const;

// A record, so that an action that the API learns is missed here by the compiler.
const KNOWN: Record<AuditAction, true> = {
  authn_login_success: true,
  authn_login_fail: true,
  authn_token_revoked: true,
  authn_token_reuse: true,
  authn_password_change: true,
  authn_password_change_fail: true,
  authz_change: true,
  user_created: true,
  user_updated: true,
  user_invited: true,
  user_archived: true,
  user_reactivated: true,
  user_deleted: true,
  course_created: true,
  course_updated: true,
  course_deleted: true,
  term_created: true,
  term_updated: true,
  term_deleted: true,
  section_created: true,
  section_updated: true,
  section_deleted: true,
  schedule_conflict_allowed: true,
  enrollment_created: true,
  enrollment_promoted: true,
  enrollment_deleted: true,
  calendar_feed_created: true,
  calendar_feed_rotated: true,
  mail_unsubscribed: true,
  announcement_created: true,
  announcement_published: true,
  announcement_updated: true,
  announcement_withdrawn: true,
  announcement_reminded: true,
  channel_created: true,
  channel_updated: true,
  channel_deleted: true,
  channel_tested: true,
  attachment_created: true,
  attachment_completed: true,
  attachment_deleted: true,
  attachments_deleted: true,
  import_started: true,
  import_applied: true,
  export_started: true,
  sensitive_read: true,
  queue_redriven: true,
};
export const ACTIONS = Object.keys(KNOWN) as AuditAction[];

/** Return the filters of the API that the words of an address mean; what means nothing is left out. */
export function filtersOf(words: Record<(typeof FILTERS)[number], string>): AuditFilters {
  const action = ACTIONS.find((known) => known === words.action);
  const [since, until] = [moment(words.since), moment(words.until)];
  return {
    ...(words.actor && { actor: words.actor }),
    ...(action && { action }),
    ...(words.object_kind && { object_kind: words.object_kind }),
    ...(words.object_id && { object_id: words.object_id }),
    ...(since && { since }),
    ...(until && { until }),
  };
}

/** A member of before and after; `null` is what was not there. */
export interface Difference {
  name: string;
  before: unknown;
  after: unknown;
}

/** Return what an event says of before and after, member by member. */
export function differences({ before, after }: AuditEvent): Difference[] {
  const names = new Set([...Object.keys(before ?? {}), ...Object.keys(after ?? {})]);
  return [...names].map((name) => ({
    name,
    before: before?.[name] ?? null,
    after: after?.[name] ?? null,
  }));
}

/** Return the page of an object, or null where there is none. */
export function pathOf({ kind, id }: AuditEvent["object"]): string | null {
  const places: Record<string, string> = {
    user: "users",
    course: "courses",
    term: "terms",
    section: "sections",
    announcement: "messages/announcements",
    task: "tasks",
  };
  const place = Object.hasOwn(places, kind) ? places[kind] : undefined;
  return place && id ? `/${place}/${id}` : null;
}
