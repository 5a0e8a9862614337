import { useSearchParams } from "react-router";

/** Filters that stand in the address, so that a list can be linked to and come back to. */
export function useFilters<Name extends string>(names: readonly Name[]) {
  const [search, setSearch] = useSearchParams();
  const values = Object.fromEntries(names.map((name) => [name, search.get(name) ?? ""])) as Record<
    Name,
    string
  >;

  const set = (name: Name, value: string) =>
    setSearch(
      (before) => {
        const next = new URLSearchParams(before);
        if (value) next.set(name, value);
        else next.delete(name);
        return next;
      },
      { replace: true },
    );

  const clear = () => setSearch({}, { replace: true });

  return { values, set, clear, any: names.some((name) => values[name] !== "") };
}
