import { Group, Paper, Stack } from "@mantine/core";
import { useInfiniteQuery } from "@tanstack/react-query";

import { Empty } from "../../app/Empty";
import { FilterSelect } from "../../app/FilterSelect";
import { LoadMore } from "../../app/LoadMore";
import { SearchField } from "../../app/SearchField";
import { Trouble } from "../../app/Trouble";
import { useFilters } from "../../app/useFilters";
import { Waiting } from "../../app/Waiting";
import { useWords } from "../../i18n/useWords";
import { AnnouncementTable } from "./AnnouncementTable";
import { announcementsQuery } from "./queries";
import { filtersOf, STATUSES } from "./rules";

/** What one has announced, or, for the office, what anybody has: searched and filtered. */
export function Published() {
  const { t } = useWords();
  const filters = useFilters(["q", "status"]);
  const announcements = useInfiniteQuery(announcementsQuery(filtersOf(filters.values)));
  const items = announcements.data?.pages.flatMap((page) => page.items) ?? [];

  return (
    <Stack>
      <Group align="flex-end" gap="sm" role="search">
        <SearchField
          label={t("announcements.search")}
          placeholder={t("announcements.search_placeholder")}
          initial={filters.values.q}
          onSearch={(q) => filters.set("q", q)}
        />
        <FilterSelect
          label={t("announcements.status")}
          all={t("announcements.all_statuses")}
          value={filters.values.status}
          options={STATUSES.map((status) => ({
            value: status,
            label: t(`announcements.status.${status}`),
          }))}
          onChange={(status) => filters.set("status", status)}
        />
      </Group>
      {announcements.isPending ? (
        <Waiting />
      ) : announcements.isError && items.length === 0 ? (
        <Trouble thrown={announcements.error} onRetry={() => void announcements.refetch()} />
      ) : items.length === 0 ? (
        <Empty
          title={t(filters.any ? "announcements.no_match" : "announcements.none")}
          text={t(filters.any ? "users.no_match_text" : "announcements.none_text")}
        />
      ) : (
        <>
          <Paper withBorder className={announcements.isPlaceholderData ? "stale" : undefined}>
            <AnnouncementTable announcements={items} />
          </Paper>
          {announcements.isError && (
            <Trouble
              thrown={announcements.error}
              onRetry={() => void announcements.fetchNextPage()}
            />
          )}
          <LoadMore
            shown={items.length}
            hasMore={announcements.hasNextPage}
            loading={announcements.isFetchingNextPage}
            onMore={() => void announcements.fetchNextPage()}
          />
        </>
      )}
    </Stack>
  );
}
