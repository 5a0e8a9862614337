import { Card, Group, SimpleGrid, Table, Text, Title } from "@mantine/core";
import type { ReactNode } from "react";
import { Link } from "react-router";

import {
  AuditIcon,
  CoursesIcon,
  MessagesIcon,
  SectionsIcon,
  TasksIcon,
  TimetableIcon,
  UploadIcon,
  UsersIcon,
} from "../../app/icons";
import { Page } from "../../app/Page";
import type { Key } from "../../i18n/en";
import { useI18n } from "../../i18n/useI18n";
import { hasWeek, isManager, isStaff, useMe } from "../session/me";

/** The start page: where to go from here, and who one is signed in as. */
export default function HomePage() {
  const { t, date } = useI18n();
  const me = useMe();
  return (
    <Page title={t("home.title", { name: me.full_name || me.username })}>
      <SimpleGrid cols={{ base: 1, sm: isStaff(me) ? 3 : 2 }}>
        <Door to="/messages" label="nav.messages" text="home.messages" icon={<MessagesIcon />} />
        <Door to="/courses" label="nav.courses" text="home.courses" icon={<CoursesIcon />} />
        <Door to="/sections" label="nav.sections" text="home.sections" icon={<SectionsIcon />} />
        {hasWeek(me) && (
          <Door
            to="/timetable"
            label="nav.timetable"
            text="home.timetable"
            icon={<TimetableIcon />}
          />
        )}
        {isStaff(me) && (
          <>
            <Door to="/imports" label="nav.imports" text="home.imports" icon={<UploadIcon />} />
            <Door to="/tasks" label="nav.tasks" text="home.tasks" icon={<TasksIcon />} />
          </>
        )}
        {isManager(me) && (
          <>
            <Door to="/users" label="nav.users" text="home.users" icon={<UsersIcon />} />
            <Door to="/audit" label="nav.audit" text="home.audit" icon={<AuditIcon />} />
          </>
        )}
      </SimpleGrid>
      <Card withBorder component="section" aria-labelledby="account">
        <Title order={2} size="h4" id="account" mb="xs">
          {t("home.account")}
        </Title>
        <Table variant="vertical" layout="fixed" withRowBorders={false}>
          <Table.Tbody>
            <Fact label={t("home.username")}>{me.username}</Fact>
            <Fact label={t("home.email")}>{me.email}</Fact>
            <Fact label={t("home.role")}>{t(`role.${me.role}`)}</Fact>
            <Fact label={t("home.since")}>{date(me.created_at)}</Fact>
          </Table.Tbody>
        </Table>
      </Card>
    </Page>
  );
}

function Door({ to, label, text, icon }: { to: string; label: Key; text: Key; icon: ReactNode }) {
  const { t } = useI18n();
  return (
    <Card withBorder component={Link} to={to}>
      <Group gap="xs" mb={4}>
        {icon}
        <Text fw={600}>{t(label)}</Text>
      </Group>
      <Text size="sm" c="dimmed">
        {t(text)}
      </Text>
    </Card>
  );
}

function Fact({ label, children }: { label: string; children: ReactNode }) {
  return (
    <Table.Tr>
      <Table.Th w="9rem" scope="row">
        {label}
      </Table.Th>
      <Table.Td className="wrap-anywhere">{children}</Table.Td>
    </Table.Tr>
  );
}
