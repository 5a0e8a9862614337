/** Finding people by name: the staff among everybody, others the teachers of sections they see. */
import { answered, api } from "../../api/client";
import type { Me, Person } from "../../api/types";
import type { Option } from "../../app/SearchSelect";
import { isStaff } from "../session/me";

const MOST_FOUND = 50;

/** Return the search for teachers, for a SearchSelect. */
export function teacherSearch(me: Me) {
  return async (q: string, signal: AbortSignal): Promise<Option[]> => {
    if (isStaff(me)) return find("teacher", q, signal);
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

/** Return the students that the staff finds. */
export function findStudents(q: string, signal: AbortSignal): Promise<Option[]> {
  return find("student", q, signal);
}

/** Return whom the staff finds among everybody. */
export function findPeople(q: string, signal: AbortSignal): Promise<Option[]> {
  return find(null, q, signal);
}

export function optionOf({ id, username, full_name }: Person): Option {
  return { value: String(id), label: full_name ? `${full_name} (${username})` : username };
}

async function find(
  role: "teacher" | "student" | null,
  q: string,
  signal: AbortSignal,
): Promise<Option[]> {
  const { items } = await answered(
    api.GET("/api/people", {
      params: { query: { limit: MOST_FOUND, ...(role && { role }), ...(q && { q }) } },
      signal,
    }),
  );
  return items.map(optionOf);
}
