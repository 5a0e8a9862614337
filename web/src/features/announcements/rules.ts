/** What an announcement may look like, whom it is for, and how its versions differ. */
import type {
  Announcement,
  AnnouncementChanges,
  AnnouncementFilters,
  AnnouncementStats,
  AnnouncementStatus,
  AttachmentRef,
  Audience,
  AudienceKind,
  Me,
  NewAnnouncement,
  Recipient,
  RecipientFilters,
  Role,
} from "../../api/types";
import { localTime, moment } from "../../app/moments";
import type { Option } from "../../app/SearchSelect";
import { isStaff } from "../session/roles";

export const LIMITS = { title: 200, body: 20_000, files: 10, channels: 10 };
export const STATUSES: readonly AnnouncementStatus[] = ["published", "scheduled", "withdrawn"];
export const STATES: readonly Recipient["state"][] = ["queued", "delivered", "acknowledged"];

/** Those kinds of an audience that name what is in it one by one. */
export const LISTING = ["section", "course", "users"] as const;
export type ListingKind = (typeof LISTING)[number];

/** An announcement as the form has it; what is chosen is kept for each kind of audience. */
export type AnnouncementFields = {
  title: string;
  body: string;
  audience: AudienceKind;
  chosen: Record<ListingKind, Option[]>;
  roles: Role[];
  later: boolean;
  publish_at: string;
  requires_ack: boolean;
  attachments: AttachmentRef[];
  channels: Option[];
  material: boolean;
};

export const NEW_ANNOUNCEMENT: AnnouncementFields = {
  title: "",
  body: "",
  audience: "all_students",
  chosen: { section: [], course: [], users: [] },
  roles: [],
  later: false,
  publish_at: "",
  requires_ack: true,
  attachments: [],
  channels: [],
  material: false,
};

/** Return a new announcement to the students of sections. */
export function forSections(sections: Option[]): AnnouncementFields {
  const chosen = { ...NEW_ANNOUNCEMENT.chosen, section: sections };
  return { ...NEW_ANNOUNCEMENT, audience: "section", chosen };
}

/** Return whom somebody may address: teachers all students, and those that they teach. */
export function audiencesFor(me: Me): AudienceKind[] {
  const own: AudienceKind[] = ["all_students", "section", "course"];
  return isStaff(me) ? [...own, "role", "users"] : own;
}

export function isListing(kind: AudienceKind): kind is ListingKind {
  return LISTING.some((known) => known === kind);
}

type Field = keyof AnnouncementFields;

/** Return what is wrong with each field: `required`, or `past` of a time that is over. */
export function check(
  fields: AnnouncementFields,
  now: number,
): Partial<Record<Field, "required" | "past">> {
  const { audience } = fields;
  const chosen = isListing(audience) ? fields.chosen[audience] : fields.roles;
  const time = moment(fields.publish_at);
  return {
    ...(!fields.title.trim() && { title: "required" as const }),
    ...(!fields.body.trim() && { body: "required" as const }),
    ...(audience !== "all_students" && chosen.length === 0 && { audience: "required" as const }),
    ...(fields.later && time === null && { publish_at: "required" as const }),
    ...(fields.later &&
      time !== null &&
      Date.parse(time) <= now && { publish_at: "past" as const }),
  };
}

/** Return the audience that is chosen, as the API takes it. */
export function audienceOf({ audience, chosen, roles }: AnnouncementFields): Audience {
  if (isListing(audience)) {
    return { kind: audience, ids: chosen[audience].map(({ value }) => Number(value)) };
  }
  return audience === "role" ? { kind: audience, roles } : { kind: audience };
}

export function bodyOf(fields: AnnouncementFields): NewAnnouncement {
  const publish_at = fields.later ? moment(fields.publish_at) : null;
  return {
    title: fields.title.trim(),
    body: fields.body,
    audience: audienceOf(fields),
    requires_ack: fields.requires_ack,
    ...(publish_at && { publish_at }),
    ...(fields.attachments.length > 0 && { attachments: idsOf(fields.attachments) }),
    ...(fields.channels.length > 0 && { channels: channelIds(fields) }),
  };
}

/** Return an announcement as the form has it; `options` name what its audience lists. */
export function fieldsOf(announcement: Announcement, options: Option[]): AnnouncementFields {
  const { title, body, audience, status, publish_at, requires_ack, attachments } = announcement;
  return {
    ...NEW_ANNOUNCEMENT,
    title,
    body,
    audience: audience.kind,
    chosen: {
      ...NEW_ANNOUNCEMENT.chosen,
      ...(isListing(audience.kind) && { [audience.kind]: options }),
    },
    roles: audience.roles ?? [],
    later: status === "scheduled",
    publish_at: status === "scheduled" ? localTime(publish_at) : "",
    requires_ack,
    attachments,
    channels: announcement.channels.map(({ id, name }) => ({ value: String(id), label: name })),
  };
}

/**
 * Return the fields that differ: what is not named in a change stays as somebody else left it. A
 * scheduled one that is not for later any more is published as soon as the server comes by.
 */
export function changes(
  before: AnnouncementFields,
  after: AnnouncementFields,
  now: number,
): AnnouncementChanges {
  const [old, wanted] = [bodyOf(before), bodyOf(after)];
  const differs = (name: keyof NewAnnouncement) =>
    JSON.stringify(old[name]) !== JSON.stringify(wanted[name]);
  const publishedNow = before.later && !after.later;
  return {
    ...(differs("title") && { title: wanted.title }),
    ...(differs("body") && { body: wanted.body }),
    ...(differs("audience") && { audience: wanted.audience }),
    ...(after.later &&
      differs("publish_at") &&
      wanted.publish_at && { publish_at: wanted.publish_at }),
    ...(publishedNow && { publish_at: new Date(now).toISOString() }),
    ...(differs("requires_ack") && { requires_ack: wanted.requires_ack }),
    ...(differs("attachments") && { attachments: idsOf(after.attachments) }),
    ...(differs("channels") && { channels: channelIds(after) }),
    material: after.material,
  };
}

function idsOf(files: AttachmentRef[]): number[] {
  return files.map(({ id }) => id);
}

/** In an order of their own: which one was chosen first makes no difference. */
function channelIds({ channels }: AnnouncementFields): number[] {
  return channels.map(({ value }) => Number(value)).sort((one, other) => one - other);
}

/**
 * Return the channels that hear of it: of what is out already those that are new, unless it is news
 * to everybody.
 */
export function channelsToTell(
  before: AnnouncementFields,
  after: AnnouncementFields,
  published: boolean,
): Option[] {
  if (!published || after.material) return after.channels;
  return after.channels.filter(
    ({ value }) => !before.channels.some((known) => known.value === value),
  );
}

/** Return what there is to choose from: what is usable, and what was chosen, usable or not. */
export function channelOptions(chosen: Option[], usable: Option[]): Option[] {
  const kept = chosen.filter(({ value }) => !usable.some((option) => option.value === value));
  return [...usable, ...kept];
}

/** Return the filters of the API that the words of an address mean; what means nothing is left out. */
export function filtersOf(words: Record<"q" | "status", string>): AnnouncementFilters {
  const status = STATUSES.find((known) => known === words.status);
  return { ...(words.q && { q: words.q }), ...(status && { status }) };
}

/** The same for the recipients of one announcement. */
export function recipientFilters(word: string): RecipientFilters {
  if (word === "unacknowledged") return { unacknowledged: true };
  const state = STATES.find((known) => known === word);
  return state ? { state } : {};
}

/** Return a share as whole percent; all of them only where it is all. */
export function percent(share: number): number {
  return Math.floor(share * 100);
}

const WATCHING_MILLISECONDS = 1_500;
const WAITING_MILLISECONDS = 15_000;

/** How long until figures are asked for again; false where nothing moves by itself. */
export function statsDelay(stats: AnnouncementStats | undefined): number | false {
  return stats && stats.fanout.state !== "done" ? WATCHING_MILLISECONDS : false;
}

/**
 * The same of an announcement, which is published by itself when its time has come, and whose posts
 * are under way for a moment; what is tried again later is not waited for.
 */
export function announcementDelay(announcement: Announcement | undefined): number | false {
  if (announcement?.status === "scheduled") return WAITING_MILLISECONDS;
  const moving = announcement?.channels.some(({ state, code }) => state === "queued" && !code);
  return moving ? WATCHING_MILLISECONDS : false;
}

export interface DiffLine {
  kind: "added" | "removed" | "same" | "gap";
  text: string;
}

/** Return the lines of a unified diff; a gap is what is left out between two of its parts. */
export function diffLines(diff: string): DiffLine[] {
  const kinds: Record<string, DiffLine["kind"]> = { "+": "added", "-": "removed", "@": "gap" };
  const lines = diff.split("\n").map((line): DiffLine => {
    const kind = kinds[line.charAt(0)] ?? "same";
    return { kind, text: kind === "gap" ? "" : line.slice(1) };
  });
  // What the first part leaves out before it needs no mark.
  return lines[0]?.kind === "gap" ? lines.slice(1) : lines;
}
