import { Anchor, Button, Paper, Table, Text } from "@mantine/core";
import { useInfiniteQuery } from "@tanstack/react-query";
import { Link, useSearchParams } from "react-router";

import type { Course } from "../../api/types";
import { Empty } from "../../app/Empty";
import { LoadMore } from "../../app/LoadMore";
import { Page } from "../../app/Page";
import { SearchField } from "../../app/SearchField";
import { Trouble } from "../../app/Trouble";
import { Waiting } from "../../app/Waiting";
import { useI18n } from "../../i18n/useI18n";
import { ExportButton } from "../exports/ExportButton";
import { ExportStatus } from "../exports/ExportStatus";
import { useExport } from "../exports/useExport";
import { isStaff, useMe } from "../session/me";
import { coursesQuery } from "./queries";

/** The catalogue: searched as one types, read page by page, exported as it is filtered. */
export default function CoursesPage() {
  const { t } = useI18n();
  const staff = isStaff(useMe());
  const [search, setSearch] = useSearchParams();
  const q = search.get("q") ?? "";
  const courses = useInfiniteQuery(coursesQuery(q));
  const exported = useExport();

  const items = courses.data?.pages.flatMap((page) => page.items) ?? [];
  const find = (text: string) => setSearch(text ? { q: text } : {}, { replace: true });

  return (
    <Page
      title={t("courses.title")}
      actions={
        staff && (
          <>
            <ExportButton
              starting={exported.starting}
              onStart={() =>
                exported.start({
                  kind: "courses",
                  filters: q ? { q } : {},
                  subject: q ? t("exports.filtered_note", { q }) : t("exports.all_note"),
                })
              }
            />
            <Button component={Link} to="/courses/new">
              {t("courses.new")}
            </Button>
          </>
        )
      }
    >
      <SearchField
        label={t("courses.search")}
        placeholder={t("courses.search_placeholder")}
        initial={q}
        onSearch={find}
      />
      {staff && <ExportStatus {...exported} />}
      {courses.isPending ? (
        <Waiting />
      ) : courses.isError && items.length === 0 ? (
        <Trouble thrown={courses.error} onRetry={() => void courses.refetch()} />
      ) : items.length === 0 ? (
        <NoCourses q={q} staff={staff} />
      ) : (
        <>
          <Paper withBorder className={courses.isPlaceholderData ? "stale" : undefined}>
            <CourseTable courses={items} staff={staff} />
          </Paper>
          {courses.isError && (
            <Trouble thrown={courses.error} onRetry={() => void courses.fetchNextPage()} />
          )}
          <LoadMore
            shown={items.length}
            hasMore={courses.hasNextPage}
            loading={courses.isFetchingNextPage}
            onMore={() => void courses.fetchNextPage()}
          />
        </>
      )}
    </Page>
  );
}

function CourseTable({ courses, staff }: { courses: Course[]; staff: boolean }) {
  const { t, credits, date } = useI18n();
  return (
    <Table verticalSpacing="sm" horizontalSpacing="md" highlightOnHover>
      <Table.Thead>
        <Table.Tr>
          <Table.Th>{t("courses.code")}</Table.Th>
          <Table.Th>{t("courses.name")}</Table.Th>
          <Table.Th className="numeric">{t("courses.credits")}</Table.Th>
          <Table.Th visibleFrom="sm">{t("courses.updated")}</Table.Th>
          {staff && <Table.Td visibleFrom="sm" />}
        </Table.Tr>
      </Table.Thead>
      <Table.Tbody>
        {courses.map((course) => (
          <Table.Tr key={course.id}>
            <Table.Td className="wrap-anywhere">
              <Text span ff="monospace" size="sm">
                {course.code}
              </Text>
            </Table.Td>
            <Table.Td className="wrap-anywhere">
              <Anchor component={Link} size="sm" to={`/courses/${course.id}`}>
                {course.title}
              </Anchor>
            </Table.Td>
            <Table.Td className="numeric">{credits(course.credits)}</Table.Td>
            <Table.Td visibleFrom="sm">{date(course.updated_at)}</Table.Td>
            {staff && (
              <Table.Td visibleFrom="sm" ta="end">
                <Button
                  component={Link}
                  to={`/courses/${course.id}/edit`}
                  size="compact-sm"
                  variant="subtle"
                  aria-label={t("courses.edit_named", { code: course.code })}
                >
                  {t("courses.edit")}
                </Button>
              </Table.Td>
            )}
          </Table.Tr>
        ))}
      </Table.Tbody>
    </Table>
  );
}

function NoCourses({ q, staff }: { q: string; staff: boolean }) {
  const { t } = useI18n();
  if (q) return <Empty title={t("courses.no_match", { q })} text={t("courses.no_match_text")} />;
  return (
    <Empty
      title={t("courses.none")}
      text={t(staff ? "courses.none_staff" : "courses.none_reader")}
    />
  );
}
