import { Button, Group, Paper } from "@mantine/core";
import { useInfiniteQuery } from "@tanstack/react-query";
import { Link } from "react-router";

import { Empty } from "../../app/Empty";
import { FilterSelect } from "../../app/FilterSelect";
import { LoadMore } from "../../app/LoadMore";
import { Page } from "../../app/Page";
import { SearchField } from "../../app/SearchField";
import { Trouble } from "../../app/Trouble";
import { useFilters } from "../../app/useFilters";
import { Waiting } from "../../app/Waiting";
import { useI18n } from "../../i18n/useI18n";
import { ExportButton } from "../exports/ExportButton";
import { ExportStatus } from "../exports/ExportStatus";
import { useExport } from "../exports/useExport";
import { usersQuery } from "./queries";
import { filtersOf, ROLES, SORTS } from "./rules";
import { UserTable } from "./UserTable";

/** Everybody: searched as one types, filtered, read page by page, exported as it is filtered. */
export default function UsersPage() {
  const { t } = useI18n();
  const { values, set } = useFilters(["q", "role", "active", "sort"]);
  const { sort, ...filters } = filtersOf(values);
  const users = useInfiniteQuery(usersQuery({ ...filters, sort }));
  const exported = useExport();

  const items = users.data?.pages.flatMap((page) => page.items) ?? [];
  const filtered = Object.keys(filters).length > 0;

  return (
    <Page
      title={t("users.title")}
      actions={
        <>
          <Button component={Link} to="/imports?kind=users" variant="default">
            {t("nav.imports")}
          </Button>
          <ExportButton
            starting={exported.starting}
            onStart={() =>
              exported.start({
                kind: "users",
                filters,
                subject: t(filtered ? "exports.users_filtered" : "exports.users_all"),
              })
            }
          />
          <Button component={Link} to="/users/new">
            {t("users.new")}
          </Button>
        </>
      }
    >
      <Group align="flex-end" gap="sm" role="search">
        <SearchField
          label={t("users.search")}
          placeholder={t("users.search_placeholder")}
          initial={values.q}
          onSearch={(q) => set("q", q)}
        />
        <FilterSelect
          label={t("users.role")}
          all={t("users.all_roles")}
          value={values.role}
          options={ROLES.map((role) => ({ value: role, label: t(`role.${role}`) }))}
          onChange={(role) => set("role", role)}
        />
        <FilterSelect
          label={t("users.state")}
          all={t("users.all_states")}
          value={values.active}
          options={[
            { value: "true", label: t("users.is_active") },
            { value: "false", label: t("users.is_inactive") },
          ]}
          onChange={(active) => set("active", active)}
        />
        <FilterSelect
          label={t("users.sort")}
          all={t("users.sort.username")}
          value={values.sort}
          options={SORTS.slice(1).map((by) => ({ value: by, label: t(`users.sort.${by}`) }))}
          onChange={(by) => set("sort", by)}
        />
      </Group>
      <ExportStatus {...exported} />
      {users.isPending ? (
        <Waiting />
      ) : users.isError && items.length === 0 ? (
        <Trouble thrown={users.error} onRetry={() => void users.refetch()} />
      ) : items.length === 0 ? (
        <Empty title={t("users.no_match")} text={t("users.no_match_text")} />
      ) : (
        <>
          <Paper withBorder className={users.isPlaceholderData ? "stale" : undefined}>
            <UserTable users={items} />
          </Paper>
          {users.isError && (
            <Trouble thrown={users.error} onRetry={() => void users.fetchNextPage()} />
          )}
          <LoadMore
            shown={items.length}
            hasMore={users.hasNextPage}
            loading={users.isFetchingNextPage}
            onMore={() => void users.fetchNextPage()}
          />
        </>
      )}
    </Page>
  );
}
