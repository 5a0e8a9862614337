import { Button, Group, Paper, TextInput } from "@mantine/core";
import { useDebouncedCallback } from "@mantine/hooks";
import { useInfiniteQuery } from "@tanstack/react-query";
import { startTransition, useState } from "react";

import { Empty } from "../../app/Empty";
import { FilterSelect } from "../../app/FilterSelect";
import { LoadMore } from "../../app/LoadMore";
import { Page } from "../../app/Page";
import { Trouble } from "../../app/Trouble";
import { useFilters } from "../../app/useFilters";
import { Waiting } from "../../app/Waiting";
import { useI18n } from "../../i18n/useI18n";
import { AuditTable } from "./AuditTable";
import { auditQuery } from "./queries";
import { ACTIONS, FILTERS, filtersOf, OBJECT_KINDS } from "./rules";

/** Who did what, to what, when and from where. */
export default function AuditPage() {
  const { t } = useI18n();
  const filters = useFilters(FILTERS);
  const events = useInfiniteQuery(auditQuery(filtersOf(filters.values)));
  const items = events.data?.pages.flatMap((page) => page.items) ?? [];

  return (
    <Page
      title={t("audit.title")}
      lead={t("audit.lead")}
      actions={
        <Button
          variant="default"
          loading={events.isRefetching}
          onClick={() => void events.refetch()}
        >
          {t("audit.refresh")}
        </Button>
      }
    >
      <Filters {...filters} />
      {events.isPending ? (
        <Waiting />
      ) : events.isError && items.length === 0 ? (
        <Trouble thrown={events.error} onRetry={() => void events.refetch()} />
      ) : items.length === 0 ? (
        <Empty title={t("audit.none")} text={t("audit.none_text")} />
      ) : (
        <>
          <Paper withBorder className={events.isPlaceholderData ? "stale" : undefined}>
            <AuditTable events={items} />
          </Paper>
          {events.isError && (
            <Trouble thrown={events.error} onRetry={() => void events.fetchNextPage()} />
          )}
          <LoadMore
            shown={items.length}
            hasMore={events.hasNextPage}
            loading={events.isFetchingNextPage}
            onMore={() => void events.fetchNextPage()}
          />
        </>
      )}
    </Page>
  );
}

function Filters({ values, set, clear, any }: ReturnType<typeof useFilters<FilterName>>) {
  const { t } = useI18n();
  // A new number makes the fields anew, empty.
  const [clearings, setClearings] = useState(0);
  return (
    <Group align="flex-end" gap="sm" role="search" key={clearings}>
      <Word label={t("audit.actor")} initial={values.actor} onChange={(it) => set("actor", it)} />
      <FilterSelect
        label={t("audit.action")}
        all={t("audit.all_actions")}
        value={values.action}
        options={ACTIONS.map((action) => ({ value: action, label: t(`action.${action}`) }))}
        onChange={(action) => set("action", action)}
      />
      <FilterSelect
        label={t("audit.object")}
        all={t("audit.all_objects")}
        value={values.object_kind}
        options={OBJECT_KINDS.map((kind) => ({ value: kind, label: t(`audit.kind.${kind}`) }))}
        onChange={(kind) => set("object_kind", kind)}
      />
      <Word
        label={t("audit.object_id")}
        initial={values.object_id}
        onChange={(it) => set("object_id", it)}
      />
      <Group gap="sm" align="flex-end">
        {(["since", "until"] as const).map((name) => (
          <TextInput
            key={name}
            type="datetime-local"
            label={t(`audit.${name}`)}
            value={values[name]}
            onChange={(event) => set(name, event.currentTarget.value)}
          />
        ))}
      </Group>
      {any && (
        <Button
          variant="subtle"
          onClick={() => {
            clear();
            // As the router does it, so that the fields are made when the address is clear.
            startTransition(() => setClearings(clearings + 1));
          }}
        >
          {t("audit.clear")}
        </Button>
      )}
    </Group>
  );
}

type FilterName = (typeof FILTERS)[number];
const TYPING_PAUSE_MILLISECONDS = 300;

interface WordProps {
  label: string;
  initial: string;
  onChange(word: string): void;
}

function Word({ label, initial, onChange }: WordProps) {
  const [text, setText] = useState(initial);
  const changeSoon = useDebouncedCallback(onChange, TYPING_PAUSE_MILLISECONDS);
  return (
    <TextInput
      label={label}
      value={text}
      maxLength={200}
      spellCheck={false}
      autoCapitalize="none"
      flex="1 1 8rem"
      maw="12rem"
      onChange={(event) => {
        setText(event.currentTarget.value);
        changeSoon(event.currentTarget.value.trim());
      }}
    />
  );
}
