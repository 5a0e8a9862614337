import { Button, Group, Paper, Switch } from "@mantine/core";
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { Link } from "react-router";

import { Empty } from "../../app/Empty";
import { FilterSelect } from "../../app/FilterSelect";
import { LoadMore } from "../../app/LoadMore";
import { Page } from "../../app/Page";
import { SearchField } from "../../app/SearchField";
import { SearchSelect } from "../../app/SearchSelect";
import { Trouble } from "../../app/Trouble";
import { useFilters } from "../../app/useFilters";
import { Waiting } from "../../app/Waiting";
import { useI18n } from "../../i18n/useI18n";
import { courseQuery } from "../courses/queries";
import { ExportStatus } from "../exports/ExportStatus";
import { useExport } from "../exports/useExport";
import { teacherSearch } from "../people/queries";
import { isStaff, useMe } from "../session/me";
import { termsQuery } from "../terms/queries";
import { findCourses, sectionsQuery } from "./queries";
import { filtersOf, STATUSES } from "./rules";
import { SectionExports } from "./SectionExports";
import { SectionTable } from "./SectionTable";

const FILTERS = ["q", "course", "term", "teacher", "status"] as const;

/** The sections that one may see: searched as one types, filtered, read page by page. */
export default function SectionsPage() {
  const { t } = useI18n();
  const staff = isStaff(useMe());
  const filters = useFilters(FILTERS);
  const chosen = filtersOf(filters.values);
  const sections = useInfiniteQuery(sectionsQuery(chosen));
  const exported = useExport();
  const items = sections.data?.pages.flatMap((page) => page.items) ?? [];

  return (
    <Page
      title={t("sections.title")}
      actions={
        staff && (
          <>
            <Button component={Link} to="/imports?kind=sections" variant="default">
              {t("nav.imports")}
            </Button>
            <SectionExports filters={chosen} exported={exported} />
            <Button component={Link} to="/sections/new">
              {t("sections.new")}
            </Button>
          </>
        )
      }
    >
      <Filters {...filters} />
      {staff && <ExportStatus {...exported} />}
      {sections.isPending ? (
        <Waiting />
      ) : sections.isError && items.length === 0 ? (
        <Trouble thrown={sections.error} onRetry={() => void sections.refetch()} />
      ) : items.length === 0 ? (
        <Empty
          title={t(filters.any ? "sections.no_match" : "sections.none")}
          text={t(filters.any ? "users.no_match_text" : "sections.none_text")}
        />
      ) : (
        <>
          <Paper withBorder className={sections.isPlaceholderData ? "stale" : undefined}>
            <SectionTable sections={items} />
          </Paper>
          {sections.isError && (
            <Trouble thrown={sections.error} onRetry={() => void sections.fetchNextPage()} />
          )}
          <LoadMore
            shown={items.length}
            hasMore={sections.hasNextPage}
            loading={sections.isFetchingNextPage}
            onMore={() => void sections.fetchNextPage()}
          />
        </>
      )}
    </Page>
  );
}

function Filters({ values, set }: ReturnType<typeof useFilters<(typeof FILTERS)[number]>>) {
  const { t } = useI18n();
  const me = useMe();
  const terms = useQuery(termsQuery);
  const course = useQuery({ ...courseQuery(Number(values.course)), enabled: values.course !== "" });
  const chosen = course.data?.data;
  const others = STATUSES.filter((status) => me.role !== "student" || status !== "draft");
  return (
    <Group align="flex-end" gap="sm" role="search">
      <SearchField
        label={t("sections.search")}
        placeholder={t("sections.search_placeholder")}
        initial={values.q}
        onSearch={(q) => set("q", q)}
      />
      <FilterSelect
        label={t("sections.term")}
        all={t("sections.all_terms")}
        value={values.term}
        options={(terms.data ?? []).map(({ code, name }) => ({ value: code, label: name }))}
        onChange={(term) => set("term", term)}
      />
      <FilterSelect
        label={t("users.state")}
        all={t("sections.all_states")}
        value={values.status}
        options={others.map((status) => ({ value: status, label: t(`sections.status.${status}`) }))}
        onChange={(status) => set("status", status)}
      />
      <SearchSelect
        label={t("sections.course")}
        placeholder={t("sections.all_courses")}
        flex="1 1 12rem"
        maw="16rem"
        value={values.course || null}
        chosen={chosen && { value: values.course, label: `${chosen.code} ${chosen.title}` }}
        searchKey={["courses", "found"]}
        search={findCourses}
        onChange={(value) => set("course", value ?? "")}
      />
      {me.role === "teacher" ? (
        <Switch
          label={t("sections.mine")}
          mb={8}
          checked={values.teacher === String(me.id)}
          onChange={(event) => set("teacher", event.currentTarget.checked ? String(me.id) : "")}
        />
      ) : (
        <SearchSelect
          label={t("sections.teacher")}
          placeholder={t("sections.all_teachers")}
          flex="1 1 12rem"
          maw="16rem"
          value={values.teacher || null}
          searchKey={["people", "teachers"]}
          search={teacherSearch(me)}
          onChange={(value) => set("teacher", value ?? "")}
        />
      )}
    </Group>
  );
}
