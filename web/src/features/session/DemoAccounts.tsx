import { Button, Code, Group, Paper, Stack, Text } from "@mantine/core";

import type { Role } from "../../api/types";
import { useI18n } from "../../i18n/useI18n";

const PASSWORD = "Rollcall-Demo-2026";
const CAST: { username: string; role: Role }[] = [
  { username: "amara", role: "manager" },
  { username: "rosa", role: "registrar" },
  { username: "ben", role: "teacher" },
  { username: "tilda", role: "teacher" },
  { username: "chloe", role: "student" },
  { username: "dai", role: "student" },
];

interface Props {
  onChoose(account: { username: string; password: string }): void;
}

/** The people of the demo school, for whoever runs the local cloud; one click fills the form in. */
export function DemoAccounts({ onChoose }: Props) {
  const { t } = useI18n();
  const [before, after] = t("session.demo_text", { password: "\u0000" }).split("\u0000");
  return (
    <Paper component="section" withBorder p="lg" aria-labelledby="demo-accounts">
      <Stack gap="sm">
        <Text id="demo-accounts" component="h2" fw={600} size="sm">
          {t("session.demo")}
        </Text>
        <Text size="sm" c="dimmed">
          {before}
          <Code>{PASSWORD}</Code>
          {after}
        </Text>
        <Group gap="xs">
          {CAST.map(({ username, role }) => (
            <Button
              key={username}
              size="compact-sm"
              variant="default"
              onClick={() => onChoose({ username, password: PASSWORD })}
            >
              {t("session.demo_choose", { name: username, role: t(`role.${role}`) })}
            </Button>
          ))}
        </Group>
      </Stack>
    </Paper>
  );
}
