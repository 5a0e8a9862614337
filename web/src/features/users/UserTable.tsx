import { Anchor, Badge, Group, Table, Text } from "@mantine/core";
import { Link } from "react-router";

import type { User } from "../../api/types";
import { useI18n } from "../../i18n/useI18n";
import { isErased } from "./rules";

export function UserTable({ users }: { users: User[] }) {
  const { t, date } = useI18n();
  return (
    <Table verticalSpacing="sm" horizontalSpacing="md" highlightOnHover>
      <Table.Thead>
        <Table.Tr>
          <Table.Th>{t("users.user")}</Table.Th>
          <Table.Th visibleFrom="sm">{t("users.email")}</Table.Th>
          <Table.Th className="narrow">{t("users.role")}</Table.Th>
          <Table.Th visibleFrom="md">{t("users.since")}</Table.Th>
        </Table.Tr>
      </Table.Thead>
      <Table.Tbody>
        {users.map((user) => (
          <Table.Tr key={user.id}>
            <Table.Td className="wrap-anywhere">
              <Group gap="xs">
                <Anchor component={Link} size="sm" to={`/users/${user.id}`}>
                  {user.username}
                </Anchor>
                <StateBadge user={user} />
              </Group>
              <Text size="sm" c="dimmed">
                {user.full_name}
              </Text>
            </Table.Td>
            <Table.Td visibleFrom="sm" className="wrap-anywhere">
              {user.email}
            </Table.Td>
            <Table.Td className="narrow">{t(`role.${user.role}`)}</Table.Td>
            <Table.Td visibleFrom="md">{date(user.created_at)}</Table.Td>
          </Table.Tr>
        ))}
      </Table.Tbody>
    </Table>
  );
}

/** Says of a user who cannot sign in that it is so. */
export function StateBadge({ user }: { user: User }) {
  const { t } = useI18n();
  if (user.active) return null;
  return (
    <Badge color="gray" variant="light" tt="none" miw="max-content">
      {t(isErased(user) ? "users.is_erased" : "users.is_inactive")}
    </Badge>
  );
}
