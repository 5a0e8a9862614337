import { Loader, Select } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useState, type ReactNode } from "react";

import { useI18n } from "../i18n/useI18n";

const TYPING_PAUSE_MILLISECONDS = 250;

export interface Option {
  value: string;
  label: string;
}

interface Props {
  label: string;
  description?: string;
  placeholder?: string;
  required?: boolean;
  value?: string | null;
  /** What is chosen already, which the first search may not find. */
  chosen?: Option | null;
  error?: ReactNode;
  flex?: string;
  maw?: string;
  /** Names the search among all queries. */
  searchKey: readonly unknown[];
  search(q: string, signal: AbortSignal): Promise<Option[]>;
  onChange(value: string | null, option: Option | null): void;
  "data-path"?: string;
}

/** A choice among more than fit into a list: the server searches as one types. */
export function SearchSelect({ searchKey, search, chosen, onChange, ...input }: Props) {
  const { t } = useI18n();
  const [picked, setPicked] = useState<Option | null>(null);
  const kept = [chosen, picked].find((option) => option && option.value === input.value) ?? null;
  const [typed, setTyped] = useState("");
  const [wanted] = useDebouncedValue(typed, TYPING_PAUSE_MILLISECONDS);
  // What is chosen stands in the field as if it were typed.
  const q = wanted === kept?.label ? "" : wanted.trim();
  const found = useQuery({
    queryKey: [...searchKey, q],
    queryFn: ({ signal }) => search(q, signal),
    placeholderData: keepPreviousData,
  });
  const options = found.data ?? [];
  const missing = kept && !options.some(({ value }) => value === kept.value) ? [kept] : [];

  return (
    <Select
      {...input}
      data={[...missing, ...options]}
      searchable
      clearable={!input.required}
      allowDeselect={false}
      clearButtonProps={{ "aria-label": t("app.choice_clear") }}
      filter={({ options }) => options}
      onSearchChange={setTyped}
      onChange={(value) => {
        const option = [...missing, ...options].find((one) => one.value === value) ?? null;
        setPicked(option);
        onChange(value, option);
      }}
      nothingFoundMessage={found.isError ? t("error.network") : t("app.nothing_found")}
      rightSection={found.isFetching ? <Loader size="xs" /> : undefined}
      // Within the page's landmark, and the list itself is what scrolls.
      comboboxProps={{ withinPortal: false }}
      withScrollArea={false}
      styles={{ options: { maxHeight: 240, overflowY: "auto" } }}
    />
  );
}
