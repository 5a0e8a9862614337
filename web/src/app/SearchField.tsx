import { ActionIcon, TextInput } from "@mantine/core";
import { useDebouncedCallback } from "@mantine/hooks";
import { useState } from "react";

import { useI18n } from "../i18n/useI18n";
import { SearchIcon } from "./icons";

const TYPING_PAUSE_MILLISECONDS = 300;

interface Props {
  label: string;
  placeholder: string;
  initial: string;
  onSearch(q: string): void;
}

/** Searches as one types, a moment after the last letter. */
export function SearchField({ label, placeholder, initial, onSearch }: Props) {
  const { t } = useI18n();
  const [text, setText] = useState(initial);
  const searchSoon = useDebouncedCallback(onSearch, TYPING_PAUSE_MILLISECONDS);
  const change = (value: string) => {
    setText(value);
    searchSoon(value.trim());
  };
  return (
    <TextInput
      type="search"
      role="searchbox"
      aria-label={label}
      placeholder={placeholder}
      maxLength={200}
      maw={420}
      flex="1 1 16rem"
      value={text}
      onChange={(event) => change(event.currentTarget.value)}
      leftSection={<SearchIcon />}
      rightSection={
        text && (
          <ActionIcon
            variant="subtle"
            color="gray"
            aria-label={t("app.search_clear")}
            onClick={() => change("")}
          >
            ×
          </ActionIcon>
        )
      }
    />
  );
}
