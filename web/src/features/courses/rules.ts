/** What a course may look like, to say it before the server has to; the limits are the API's. */
import type { Course, CourseFields } from "../../api/types";
import type { FieldProblem } from "../../api/problem";

export const LIMITS = { code: 32, title: 128, description: 10_000, credits: 999.9 };

export const NEW_COURSE: CourseFields = { code: "", title: "", description: "", credits: 3 };

type Field = keyof CourseFields;
type Codes = Partial<Record<Field, string>>;

/** Return the code of what is wrong with each field; an empty object when nothing is. */
export function check(fields: Record<Field, string | number>): Codes {
  const wrong: Codes = {};
  if (!String(fields.code).trim()) wrong.code = "required";
  if (!String(fields.title).trim()) wrong.title = "required";
  const credits = typeof fields.credits === "number" ? fields.credits : Number.NaN;
  if (!(credits >= 0 && credits <= LIMITS.credits)) wrong.credits = "out_of_range";
  return wrong;
}

/** Return the code for each field that an answer of the API complains about. */
export function fieldCodes(code: string, fields: FieldProblem[]): Codes {
  if (code === "course_code_taken") return { code: "course_code_taken" };
  return Object.fromEntries(
    fields
      .filter(({ field }) => Object.hasOwn(NEW_COURSE, field))
      .map(({ field, code }) => [field, code]),
  );
}

export function fieldsOf({ code, title, description, credits }: Course): CourseFields {
  return { code, title, description, credits };
}

/** Return the fields that differ: what is not named in a change stays as somebody else left it. */
export function changes(before: CourseFields, after: CourseFields): Partial<CourseFields> {
  const names = Object.keys(before) as Field[];
  return Object.fromEntries(
    names.filter((name) => before[name] !== after[name]).map((name) => [name, after[name]]),
  );
}
