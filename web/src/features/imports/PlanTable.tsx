import { Badge, Group, Stack, Table, Text, VisuallyHidden } from "@mantine/core";

import type { Outcome, PlanRow } from "../../api/types";
import type { Key } from "../../i18n/en";
import { useI18n } from "../../i18n/useI18n";
import { ROLES } from "../users/rules";
import type { Kind } from "./kinds";

const COLOURS: Record<Outcome, string> = {
  created: "teal",
  updated: "indigo",
  unchanged: "gray",
  failed: "red",
};

const COLUMNS: Record<string, Key> = {
  code: "courses.code",
  title: "courses.name",
  description: "courses.description",
  credits: "courses.credits",
  username: "users.username",
  email: "users.email",
  full_name: "users.full_name",
  role: "users.role",
  active: "users.active",
  teacher: "sections.teacher",
  capacity: "sections.capacity",
  status: "users.state",
  meetings: "sections.meetings",
  course_code: "courses.code",
  term: "sections.term",
  section_code: "sections.code",
};
const KEYS: Record<Kind, Key> = {
  courses: "courses.code",
  sections: "imports.section",
  enrollments: "imports.seat",
  users: "users.username",
};

export function PlanTable({ rows, kind }: { rows: PlanRow[]; kind: Kind }) {
  const { t, number } = useI18n();
  return (
    <Table verticalSpacing="sm" horizontalSpacing="sm" className="stacking">
      <Table.Thead>
        <Table.Tr>
          <Table.Th className="numeric narrow">{t("plan.line")}</Table.Th>
          <Table.Th>{t(KEYS[kind])}</Table.Th>
          <Table.Th>{t("plan.changes")}</Table.Th>
        </Table.Tr>
      </Table.Thead>
      <Table.Tbody>
        {rows.map((row) => (
          <Table.Tr key={row.line}>
            <Table.Td className="numeric narrow">{number(row.line)}</Table.Td>
            <Table.Td className="wrap-anywhere">
              <Group gap="xs">
                <Text span ff="monospace" size="sm">
                  {row.key}
                </Text>
                <OutcomeBadge outcome={row.outcome} />
              </Group>
            </Table.Td>
            <Table.Td className="wrap-anywhere">
              <Changes row={row} />
            </Table.Td>
          </Table.Tr>
        ))}
      </Table.Tbody>
    </Table>
  );
}

function OutcomeBadge({ outcome }: { outcome: Outcome }) {
  const { t } = useI18n();
  return (
    <Badge color={COLOURS[outcome]} variant="light" tt="none" miw="max-content">
      {t(`outcome.${outcome}`)}
    </Badge>
  );
}

function Changes({ row }: { row: PlanRow }) {
  const { t, code } = useI18n();
  const name = (field: string) => (COLUMNS[field] ? t(COLUMNS[field]) : field);
  return (
    <Stack gap={4}>
      {Object.entries(row.changes).map(([field, { from, to }]) => (
        <Text size="sm" key={field} lineClamp={4}>
          <Text span c="dimmed">
            {name(field)}:{" "}
          </Text>
          {row.outcome === "updated" && (
            <>
              <VisuallyHidden>{t("plan.from")} </VisuallyHidden>
              <del>
                <Cell field={field} value={from} />
              </del>
              <span aria-hidden="true"> → </span>
              <VisuallyHidden> {t("plan.to")} </VisuallyHidden>
            </>
          )}
          <Cell field={field} value={to} />
        </Text>
      ))}
      {row.errors.map((error) => (
        <Text
          size="sm"
          c={error.severity === "error" ? "var(--mantine-color-error)" : "dimmed"}
          key={`${error.field} ${error.code}`}
        >
          {error.field && `${name(error.field)}: `}
          {code("field", error.code)}
        </Text>
      ))}
    </Stack>
  );
}

function Cell({ field, value }: { field: string; value: unknown }) {
  const { t, credits, number } = useI18n();
  const role = field === "role" && ROLES.find((known) => known === value);
  if (role) return t(`role.${role}`);
  if (value === null || value === undefined || value === "") {
    return (
      <Text span fs="italic">
        {t("plan.empty_value")}
      </Text>
    );
  }
  if (typeof value === "boolean") return t(value ? "app.yes" : "app.no");
  if (typeof value !== "number") return String(value);
  return field === "credits" ? credits(value) : number(value);
}
