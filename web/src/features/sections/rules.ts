/** What a section may look like, when it meets as text, and who may do what with it. */
import { asProblem } from "../../api/problem";
import type {
  Conflict,
  Me,
  Meeting,
  Section,
  SectionChanges,
  SectionFilters,
  SectionStatus,
} from "../../api/types";
import { isStaff } from "../session/roles";

export const LIMITS = { code: 32, capacity: 100_000, room: 64, meetings: 50, weeks: 60 };
export const STATUSES: readonly SectionStatus[] = ["draft", "published", "archived"];
export const WEEKDAYS = [1, 2, 3, 4, 5, 6, 7] as const;

/** A meeting as the form has it: what is typed or chosen is text. */
export type MeetingFields = {
  weekday: string;
  first_period: string;
  last_period: string;
  weeks: string;
  room: string;
};

export type SectionFields = {
  course_id: string | null;
  term: string;
  section_code: string;
  teacher_id: string | null;
  capacity: number | string;
  meetings: MeetingFields[];
};

/** What of the term of a section its meetings have to keep to. */
export interface Grid {
  lastWeek: number;
  periods: number[];
}

const WEEKS = /^(\d{1,4})(?:-(\d{1,4}))?$/;

/** Return the weeks that a text such as `1-8,10`, `odd`, `even` or `all` names, or null. */
export function parseWeeks(text: string, lastWeek: number): number[] | null {
  const word = text.trim().toLowerCase();
  const named = namedWeeks(lastWeek);
  if (Object.hasOwn(named, word)) return named[word]!.length > 0 ? named[word]! : null;
  const weeks = new Set<number>();
  for (const part of word.split(/[,，]/)) {
    const found = WEEKS.exec(part.replace(/\s+/g, "").replace(/[–—]/g, "-"));
    if (!found) return null;
    const [first, last] = [Number(found[1]), Number(found[2] ?? found[1])];
    if (first < 1 || last < first || last > lastWeek) return null;
    for (let week = first; week <= last; week += 1) weeks.add(week);
  }
  return [...weeks].sort((one, other) => one - other);
}

/** Return the text of weeks, from which `parseWeeks` makes the same again. */
export function formatWeeks(weeks: readonly number[], lastWeek: number): string {
  const same = ([, known]: [string, number[]]) => `${known}` === `${weeks}`;
  const name = Object.entries(namedWeeks(lastWeek)).find(same)?.[0];
  if (name) return name;
  const spans: [number, number][] = [];
  for (const week of weeks) {
    const last = spans.at(-1);
    if (last && last[1] === week - 1) last[1] = week;
    else spans.push([week, week]);
  }
  return spans.map(([first, last]) => (first === last ? first : `${first}-${last}`)).join(",");
}

function namedWeeks(lastWeek: number): Record<string, number[]> {
  const all = Array.from({ length: lastWeek }, (_, index) => index + 1);
  return {
    all,
    odd: all.filter((week) => week % 2 === 1),
    even: all.filter((week) => week % 2 === 0),
  };
}

/** Return the code of what is wrong with each field, a meeting's by its way (`meetings.0.weeks`). */
export function check(fields: SectionFields, grid: Grid | null): Record<string, string> {
  const wrong: Record<string, string> = {};
  if (!fields.course_id) wrong.course_id = "required";
  if (!fields.term) wrong.term = "required";
  if (!fields.section_code.trim()) wrong.section_code = "required";
  const capacity = typeof fields.capacity === "number" ? fields.capacity : Number.NaN;
  if (!(capacity >= 0 && capacity <= LIMITS.capacity)) wrong.capacity = "out_of_range";
  fields.meetings.forEach((meeting, index) => {
    const at = `meetings.${index}`;
    for (const name of ["first_period", "last_period"] as const) {
      if (!grid?.periods.includes(Number(meeting[name]))) wrong[`${at}.${name}`] = "not_one_of";
    }
    if (Number(meeting.last_period) < Number(meeting.first_period)) {
      wrong[`${at}.last_period`] = "out_of_range";
    }
    if (!parseWeeks(meeting.weeks, grid?.lastWeek ?? LIMITS.weeks)) {
      wrong[`${at}.weeks`] = "invalid_weeks";
    }
  });
  return wrong;
}

export function fieldsOf(section: Section, lastWeek: number): SectionFields {
  return {
    course_id: String(section.course.id),
    term: section.term,
    section_code: section.section_code,
    teacher_id: section.teacher && String(section.teacher.id),
    capacity: section.capacity,
    meetings: section.meetings.map((meeting) => ({
      weekday: String(meeting.weekday),
      first_period: String(meeting.first_period),
      last_period: String(meeting.last_period),
      weeks: formatWeeks(meeting.weeks, lastWeek),
      room: meeting.room,
    })),
  };
}

/** Return what the API is told of fields that are right. */
export function bodyOf(fields: SectionFields, lastWeek: number) {
  return {
    course_id: Number(fields.course_id),
    term: fields.term,
    section_code: fields.section_code.trim(),
    teacher_id: fields.teacher_id === null ? null : Number(fields.teacher_id),
    capacity: Number(fields.capacity),
    meetings: fields.meetings.map((meeting) => ({
      weekday: Number(meeting.weekday),
      first_period: Number(meeting.first_period),
      last_period: Number(meeting.last_period),
      weeks: parseWeeks(meeting.weeks, lastWeek) ?? [],
      room: meeting.room.trim(),
    })),
  } satisfies SectionChanges;
}

/** Return what differs: what is not named in a change stays as somebody else left it. */
export function changes(
  before: SectionFields,
  after: SectionFields,
  lastWeek: number,
): SectionChanges {
  const [kept, wanted] = [bodyOf(before, lastWeek), bodyOf(after, lastWeek)];
  const names = Object.keys(kept) as (keyof typeof kept)[];
  return Object.fromEntries(
    names
      .filter((name) => JSON.stringify(kept[name]) !== JSON.stringify(wanted[name]))
      .map((name) => [name, wanted[name]]),
  );
}

/** Whether somebody may change a section: who keeps sections, and who teaches this one. */
export function mayEdit(me: Me, section: Section): boolean {
  return isStaff(me) || (me.role === "teacher" && section.teacher?.id === me.id);
}

/** Return the status that a section may get next from that person, or null. */
export function nextStatus(me: Me, section: Section): Exclude<SectionStatus, "draft"> | null {
  if (section.status === "draft") return "published";
  if (section.status === "published") return "archived";
  return isStaff(me) ? "published" : null;
}

/** Return the clashes for which a save was refused; null where it failed for another reason. */
export function conflictsOf(failure: unknown): Conflict[] | null {
  const { code, body } = asProblem(failure);
  if (code !== "schedule_conflict" || !Array.isArray(body.conflicts)) return null;
  return body.conflicts as Conflict[];
}

/** Return the filters of the API that the words of an address mean; what means nothing is left out. */
export function filtersOf(
  words: Record<"q" | "course" | "term" | "teacher" | "status", string>,
): SectionFilters {
  const status = STATUSES.find((known) => known === words.status);
  const [course, teacher] = [Number(words.course), Number(words.teacher)];
  return {
    ...(words.q && { q: words.q }),
    ...(words.term && { term: words.term }),
    ...(Number.isSafeInteger(course) && course > 0 && { course }),
    ...(Number.isSafeInteger(teacher) && teacher > 0 && { teacher }),
    ...(status && { status }),
  };
}

export function nameOf({ course, section_code }: Pick<Section, "course" | "section_code">): string {
  return `${course.code} · ${section_code}`;
}

/** Return the periods of a meeting such as `1–2`, or `3`. */
export function periodsOf({
  first_period,
  last_period,
}: Omit<Meeting, "weeks" | "weekday" | "room">) {
  return first_period === last_period ? `${first_period}` : `${first_period}–${last_period}`;
}
