import { Anchor, Stack, Table, Text, VisuallyHidden } from "@mantine/core";
import { Link } from "react-router";

import type { AuditEvent, Role } from "../../api/types";
import type { Key } from "../../i18n/en";
import { useI18n } from "../../i18n/useI18n";
import { ROLES } from "../users/rules";
import { differences, OBJECT_KINDS, pathOf, type Difference } from "./rules";

const NAMES: Record<string, Key> = {
  active: "users.active",
  changed: "audit.changed",
  code: "courses.code",
  created: "outcome.created",
  credits: "courses.credits",
  description: "courses.description",
  email: "users.email",
  failed: "outcome.failed",
  filename: "imports.file",
  full_name: "users.full_name",
  kind: "audit.object",
  locale: "users.locale",
  mail: "audit.mail",
  mode: "imports.mode",
  role: "users.role",
  title: "courses.name",
  total: "tasks.total",
  unchanged: "outcome.unchanged",
  updated: "outcome.updated",
  warnings: "tasks.warnings",
};

export function AuditTable({ events }: { events: AuditEvent[] }) {
  const { t, code, dateTime } = useI18n();
  return (
    <Table verticalSpacing="sm" horizontalSpacing="md" className="in-blocks">
      <Table.Thead>
        <Table.Tr>
          <Table.Th>{t("audit.at")}</Table.Th>
          <Table.Th>{t("audit.actor")}</Table.Th>
          <Table.Th>{t("audit.action")}</Table.Th>
          <Table.Th>{t("audit.from")}</Table.Th>
        </Table.Tr>
      </Table.Thead>
      <Table.Tbody>
        {events.map((event) => (
          <Table.Tr key={event.id}>
            <Table.Td>
              <time dateTime={event.at}>{dateTime(event.at)}</time>
            </Table.Td>
            <Table.Td className="wrap-anywhere">
              <Actor event={event} />
            </Table.Td>
            <Table.Td className="wrap-anywhere">
              <Stack gap={2}>
                <Text size="sm">
                  {code("action", event.action)} · <Subject event={event} />
                </Text>
                {differences(event).map((difference) => (
                  <Change key={difference.name} difference={difference} />
                ))}
              </Stack>
            </Table.Td>
            <Table.Td className="wrap-anywhere">
              <Text size="sm">{event.ip || t("audit.function")}</Text>
              <Text size="xs" c="dimmed" ff="monospace">
                {event.request_id}
              </Text>
            </Table.Td>
          </Table.Tr>
        ))}
      </Table.Tbody>
    </Table>
  );
}

function Actor({ event }: { event: AuditEvent }) {
  const { t } = useI18n();
  if (!event.actor) {
    return (
      <Text size="sm" c="dimmed">
        {t("audit.nobody")}
      </Text>
    );
  }
  return (
    <Anchor component={Link} size="sm" to={`/users/${event.actor.id}`}>
      {event.actor.username ?? event.actor.id}
    </Anchor>
  );
}

function Subject({ event }: { event: AuditEvent }) {
  const { t } = useI18n();
  const known = OBJECT_KINDS.find((kind) => kind === event.object.kind);
  const name = `${known ? t(`audit.kind.${known}`) : event.object.kind} ${event.object.id ?? ""}`;
  const path = pathOf(event.object);
  if (!path) return <Text span>{name}</Text>;
  return (
    <Anchor component={Link} size="sm" to={path} underline="always">
      {name}
    </Anchor>
  );
}

function Change({ difference: { name, before, after } }: { difference: Difference }) {
  const { t } = useI18n();
  const label = Object.hasOwn(NAMES, name) ? t(NAMES[name]!) : name;
  return (
    <Text size="sm" c="dimmed" lineClamp={3}>
      {label}:{" "}
      {before !== null && after !== null && (
        <>
          <VisuallyHidden>{t("plan.from")} </VisuallyHidden>
          <Value value={before} />
          <span aria-hidden="true"> → </span>
          <VisuallyHidden> {t("plan.to")} </VisuallyHidden>
        </>
      )}
      {before !== null && after === null && (
        <del>
          <Value value={before} />
        </del>
      )}
      {after !== null && <Value value={after} />}
    </Text>
  );
}

function Value({ value }: { value: unknown }): React.ReactNode {
  const { t, number } = useI18n();
  if (typeof value === "boolean") return t(value ? "app.yes" : "app.no");
  if (typeof value === "number") return number(value);
  if (value === "") return t("plan.empty_value");
  if (typeof value !== "string") {
    if (!Array.isArray(value)) return JSON.stringify(value);
    return value.map((part) => named(String(part))).join(", ");
  }
  const role = ROLES.find((known): known is Role => known === value);
  return role ? t(`role.${role}`) : value;

  function named(part: string): string {
    return Object.hasOwn(NAMES, part) ? t(NAMES[part]!) : part;
  }
}
