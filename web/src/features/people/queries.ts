/**
 * Finding people by name. Managers search among all users; everybody else finds the teachers of the
 * sections that they may see.
 */
import { answered, api } from "../../api/client";
import type { Me, Person } from "../../api/types";
import type { Option } from "../../app/SearchSelect";
import { isManager } from "../session/me";

const MOST_FOUND = 50;

/** Return the search for teachers, for a SearchSelect. */
export function teacherSearch(me: Me) {
  return async (q: string, signal: AbortSignal): Promise<Option[]> => {
    if (isManager(me)) return (await users("teacher", q, signal)).map(optionOf);
    const { items } = await answered(
      api.GET("/api/sections", {
        params: { query: { limit: MOST_FOUND, ...(q && { q }) } },
        signal,
      }),
    );
    const teachers = new Map(
      items.flatMap(({ teacher }) => (teacher ? [[teacher.id, teacher]] : [])),
    );
    return [...teachers.values()].map(optionOf);
  };
}

/** Return the students that managers find. */
export async function findStudents(q: string, signal: AbortSignal): Promise<Option[]> {
  return (await users("student", q, signal)).map(optionOf);
}

export function optionOf({ id, username, full_name }: Person): Option {
  return { value: String(id), label: full_name ? `${full_name} (${username})` : username };
}

async function users(
  role: "teacher" | "student",
  q: string,
  signal: AbortSignal,
): Promise<Person[]> {
  const { items } = await answered(
    api.GET("/api/users", {
      params: { query: { role, active: true, limit: MOST_FOUND, ...(q && { q }) } },
      signal,
    }),
  );
  return items;
}
