/** Weeks of the calendar, and where in a grid the meetings of one stand. */
import type { Week } from "../../api/types";

const DAY_MILLISECONDS = 24 * 60 * 60 * 1000;
const WEEK = /^\d{4}-W\d{2}$/;

export type Day = Week["days"][number];
export type Meeting = Day["meetings"][number];

/** Return a week of an address as the API takes it, or nothing. */
export function weekOf(word: string): string {
  return WEEK.test(word) ? word : "";
}

/** Return the ISO week (`2026-W36`) that is so many weeks after that of a Monday. */
export function weekAfter(monday: string, weeks: number): string {
  // The year of an ISO week is that of its Thursday.
  const thursday = new Date(Date.parse(monday) + (3 + 7 * weeks) * DAY_MILLISECONDS);
  const year = thursday.getUTCFullYear();
  const day = (thursday.getTime() - Date.UTC(year, 0, 1)) / DAY_MILLISECONDS;
  return `${year}-W${String(Math.floor(day / 7) + 1).padStart(2, "0")}`;
}

/** Return the periods in which a week has meetings, rising, without those that nobody meets in. */
export function periodsIn(days: Day[]): number[] {
  const periods = new Set<number>();
  for (const { first_period, last_period } of days.flatMap(({ meetings }) => meetings)) {
    for (let period = first_period; period <= last_period; period += 1) periods.add(period);
  }
  return [...periods].sort((one, other) => one - other);
}

/** Return the meetings of a day that go on in a period. */
export function meetingsIn(day: Day, period: number): Meeting[] {
  return day.meetings.filter(
    ({ first_period, last_period }) => first_period <= period && period <= last_period,
  );
}

/** Return the days that a grid shows: the weekend where something is on it. */
export function shownDays(days: Day[]): Day[] {
  return days.filter(({ weekday, meetings }) => weekday <= 5 || meetings.length > 0);
}
