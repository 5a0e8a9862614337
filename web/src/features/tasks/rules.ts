/** Tasks, without a server or a page: when to ask again, what a result says. */
import type { Task } from "../../api/types";
import { kindOf, ONLY_OUT } from "../imports/kinds";

const FIRST_DELAY_MILLISECONDS = 300;
const LONGEST_DELAY_MILLISECONDS = 5_000;

/** A task that is watched, and how often in a row it was found as before. */
export interface Watched {
  task: Task;
  unchanged: number;
}

export function isOver(task: Task): boolean {
  return task.state === "SUCCESS" || task.state === "FAILURE";
}

/** Return what is known after one more answer; a task that moves is asked about sooner. */
export function watched(before: Watched | undefined, task: Task): Watched {
  const moved =
    before?.task.state !== task.state || before.task.progress.done !== task.progress.done;
  return { task, unchanged: moved ? 0 : before.unchanged + 1 };
}

/** Return the milliseconds until the next question, or false when the task is over. */
export function pollDelay(now: Watched | undefined): number | false {
  if (!now) return LONGEST_DELAY_MILLISECONDS;
  if (isOver(now.task)) return false;
  return Math.min(FIRST_DELAY_MILLISECONDS * 1.5 ** now.unchanged, LONGEST_DELAY_MILLISECONDS);
}

export type Purpose = "import" | "plan" | "export";

/** Return what a task is for; a plan is an import that only looks. */
export function purposeOf(task: Task): Purpose {
  return task.job === "import" && task.mode === "plan" ? "plan" : task.job;
}

/** Return the words for what a task does. */
export function titleOf(task: Task) {
  const onlyOut = ONLY_OUT.find((kind) => kind === task.kind);
  if (onlyOut) return `tasks.kind.${onlyOut}.export` as const;
  return `tasks.kind.${kindOf(task)}.${purposeOf(task)}` as const;
}

/** Return what names the plan when it is applied; null for a task that is no finished plan. */
export function planHash(task: Task): string | null {
  const hash = task.result?.plan_hash;
  return typeof hash === "string" ? hash : null;
}

export interface ImportCounts {
  total: number;
  created: number;
  updated: number;
  unchanged: number;
  failed: number;
  warnings: number;
  /** Rows of enrolments that were put in line. */
  waitlisted: number;
  errorReport: boolean;
}

/** Return an import's counts, or null when the task has no such result. */
export function importCounts(result: Task["result"]): ImportCounts | null {
  if (!result) return null;
  const { total, created, updated, unchanged, failed } = result;
  if (!areNumbers([total, created, updated, unchanged, failed])) return null;
  return {
    ...(result as Record<"total" | "created" | "updated" | "unchanged" | "failed", number>),
    warnings: typeof result.warnings === "number" ? result.warnings : 0,
    waitlisted: typeof result.waitlisted === "number" ? result.waitlisted : 0,
    errorReport: result.error_report === true,
  };
}

/** Return the milliseconds that a task took, or null while it runs. */
export function tookMilliseconds(task: Task): number | null {
  if (!task.started_at || !task.finished_at) return null;
  return Math.max(0, Date.parse(task.finished_at) - Date.parse(task.started_at));
}

function areNumbers(values: unknown[]): boolean {
  return values.every((value) => typeof value === "number");
}

/** Return how many rows an export has written, or null where that is not known. */
export function rowCount(task: Task): number | null {
  const count = task.result?.count;
  return typeof count === "number" ? count : null;
}
