import { AppShell, Box, Burger, Button, Group, NavLink, Stack, Text } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { Suspense, useEffect, type ComponentType } from "react";
import { Link, Outlet, useLocation } from "react-router";

import { session } from "../api/client";
import type { Me } from "../api/types";
import { Bell } from "../features/messages/Bell";
import { hasWeek, isManager, isStaff, useMe } from "../features/session/me";
import type { Key } from "../i18n/en";
import { useI18n } from "../i18n/useI18n";
import { Brand } from "./Brand";
import {
  AuditIcon,
  ChannelsIcon,
  CoursesIcon,
  HomeIcon,
  MessagesIcon,
  OperationsIcon,
  SectionsIcon,
  TasksIcon,
  TermsIcon,
  TimetableIcon,
  UploadIcon,
  UserIcon,
  UsersIcon,
} from "./icons";
import { Preferences } from "./Preferences";
import { Waiting } from "./Waiting";

interface Place {
  to: string;
  label: Key;
  icon: ComponentType;
  /** Who has it; everybody unless it says so. */
  for?: (me: Me) => boolean;
}

const PLACES: Place[] = [
  { to: "/", label: "nav.home", icon: HomeIcon },
  { to: "/messages", label: "nav.messages", icon: MessagesIcon },
  { to: "/courses", label: "nav.courses", icon: CoursesIcon },
  { to: "/sections", label: "nav.sections", icon: SectionsIcon },
  { to: "/timetable", label: "nav.timetable", icon: TimetableIcon, for: hasWeek },
  { to: "/terms", label: "nav.terms", icon: TermsIcon, for: isStaff },
  { to: "/imports", label: "nav.imports", icon: UploadIcon, for: isStaff },
  { to: "/tasks", label: "nav.tasks", icon: TasksIcon, for: isStaff },
  { to: "/users", label: "nav.users", icon: UsersIcon, for: isManager },
  { to: "/channels", label: "nav.channels", icon: ChannelsIcon, for: isManager },
  { to: "/audit", label: "nav.audit", icon: AuditIcon, for: isManager },
  { to: "/operations", label: "nav.operations", icon: OperationsIcon, for: isManager },
  { to: "/account", label: "nav.account", icon: UserIcon },
];

/** The frame around every page of somebody who is signed in. */
export function Shell() {
  const { t } = useI18n();
  const me = useMe();
  const { pathname } = useLocation();
  const [opened, { close, toggle }] = useDisclosure(false);

  useEffect(() => close(), [pathname, close]);

  return (
    <>
      <a className="skip" href="#content">
        {t("app.skip")}
      </a>
      <AppShell
        header={{ height: 56 }}
        navbar={{ width: 224, breakpoint: "sm", collapsed: { mobile: !opened } }}
        padding="md"
      >
        <AppShell.Header>
          <Group h="100%" px="md" justify="space-between" wrap="nowrap">
            <Group gap="sm" wrap="nowrap">
              <Burger
                opened={opened}
                onClick={toggle}
                hiddenFrom="sm"
                size="sm"
                aria-label={t("app.menu")}
                aria-expanded={opened}
              />
              <Brand />
            </Group>
            <Group gap="xs" wrap="nowrap">
              <Bell />
              <Preferences />
            </Group>
          </Group>
        </AppShell.Header>
        <AppShell.Navbar p="sm" aria-label={t("app.navigation")} mod={{ closed: !opened }}>
          <AppShell.Section grow>
            {PLACES.filter((place) => place.for?.(me) ?? true).map((place) => (
              <NavLink
                key={place.to}
                component={Link}
                to={place.to}
                label={t(place.label)}
                leftSection={<place.icon />}
                active={isAt(pathname, place.to)}
                aria-current={isAt(pathname, place.to) ? "page" : undefined}
                variant="light"
                className="rounded"
              />
            ))}
          </AppShell.Section>
          <AppShell.Section>
            <Stack gap="xs" p="xs">
              <Box>
                <Text size="sm" fw={600} className="wrap-anywhere">
                  {me.full_name || me.username}
                </Text>
                <Text size="xs" c="dimmed">
                  {t(`role.${me.role}`)}
                </Text>
              </Box>
              <Button variant="default" size="xs" onClick={() => session.signOut()}>
                {t("session.sign_out")}
              </Button>
            </Stack>
          </AppShell.Section>
        </AppShell.Navbar>
        <AppShell.Main id="content" tabIndex={-1}>
          <Box maw={1040} mx="auto">
            <Suspense fallback={<Waiting />}>
              <Outlet />
            </Suspense>
          </Box>
        </AppShell.Main>
      </AppShell>
    </>
  );
}

function isAt(pathname: string, to: string): boolean {
  return to === "/" ? pathname === "/" : pathname === to || pathname.startsWith(`${to}/`);
}
