/** What a term may look like, to say it before the server has to; the limits are the API's. */
import type { NewTerm, Term } from "../../api/types";

export const LIMITS = { code: 32, name: 128, period: 99, periods: 50 };
const LONGEST_TERM_DAYS = 400;
const DAY_MILLISECONDS = 24 * 60 * 60 * 1000;
const LESSON_MINUTES = 45;
const BREAK_MINUTES = 10;

/** A period as the form has it: a number that is being typed is a text. */
export interface PeriodFields {
  number: number | string;
  starts_at: string;
  ends_at: string;
}
export type TermFields = Omit<NewTerm, "periods"> & { periods: PeriodFields[] };

/** Return the code of what is wrong with each field, a period's by its way (`periods.0.number`). */
export function check(fields: TermFields): Record<string, string> {
  const wrong: Record<string, string> = {};
  for (const name of ["code", "name", "starts_on", "ends_on"] as const) {
    if (!fields[name].trim()) wrong[name] = "required";
  }
  const days = (Date.parse(fields.ends_on) - Date.parse(fields.starts_on)) / DAY_MILLISECONDS;
  if (days < 0 || days > LONGEST_TERM_DAYS) wrong.ends_on = "out_of_range";
  fields.periods.forEach((period, index) => {
    const at = `periods.${index}`;
    const before = fields.periods[index - 1];
    const number = Number(period.number);
    if (!(number >= 1 && number <= LIMITS.period) || (before && number <= Number(before.number))) {
      wrong[`${at}.number`] = "out_of_range";
    }
    if (!period.starts_at) wrong[`${at}.starts_at`] = "required";
    else if (before && period.starts_at < before.ends_at) wrong[`${at}.starts_at`] = "out_of_range";
    if (!period.ends_at) wrong[`${at}.ends_at`] = "required";
    else if (period.ends_at <= period.starts_at) wrong[`${at}.ends_at`] = "out_of_range";
  });
  return wrong;
}

/** Return the period that most likely follows: as long as a lesson, after a break. */
export function nextPeriod(periods: PeriodFields[]): PeriodFields {
  const last = periods.at(-1);
  if (!last) return { number: 1, starts_at: "08:00", ends_at: later("08:00", LESSON_MINUTES) };
  const starts_at = later(last.ends_at, BREAK_MINUTES);
  return {
    number: Number(last.number) + 1,
    starts_at,
    ends_at: later(starts_at, LESSON_MINUTES),
  };
}

/** Return a time of the day so many minutes later, but not beyond its end. */
function later(clock: string, minutes: number): string {
  const [hour = 0, minute = 0] = clock.split(":").map(Number);
  const total = Math.min(hour * 60 + minute + minutes, 23 * 60 + 59);
  return `${pad(Math.floor(total / 60))}:${pad(total % 60)}`;
}

function pad(value: number): string {
  return String(value).padStart(2, "0");
}

export function fieldsOf({ code, name, starts_on, ends_on, timezone, periods }: Term): NewTerm {
  return { code, name, starts_on, ends_on, timezone, periods };
}

/** Return the fields that differ: what is not named in a change stays as somebody else left it. */
export function changes(before: NewTerm, after: NewTerm): Partial<NewTerm> {
  const names = Object.keys(before) as (keyof NewTerm)[];
  return Object.fromEntries(
    names
      .filter((name) => JSON.stringify(before[name]) !== JSON.stringify(after[name]))
      .map((name) => [name, after[name]]),
  );
}

/** Return the number of the last week of a term; week 1 is the ISO week of its first day. */
export function weeksIn({ starts_on, ends_on }: Pick<Term, "starts_on" | "ends_on">): number {
  return (mondayOf(ends_on) - mondayOf(starts_on)) / (7 * DAY_MILLISECONDS) + 1;
}

function mondayOf(day: string): number {
  const time = Date.parse(day);
  return time - ((new Date(time).getUTCDay() + 6) % 7) * DAY_MILLISECONDS;
}
