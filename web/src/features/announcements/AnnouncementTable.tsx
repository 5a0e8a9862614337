import { Anchor, Group, Table, Text } from "@mantine/core";
import { Link } from "react-router";

import type { Announcement } from "../../api/types";
import { useWords } from "../../i18n/useWords";
import { isStaff, useMe } from "../session/me";
import { AudienceText } from "./AudienceText";
import { StatusBadge } from "./StatusBadge";

export function AnnouncementTable({ announcements }: { announcements: Announcement[] }) {
  const { t, dateTime } = useWords();
  const staff = isStaff(useMe());
  return (
    <Table verticalSpacing="sm" horizontalSpacing="md" className="in-blocks">
      <Table.Thead>
        <Table.Tr>
          <Table.Th>{t("announcements.title")}</Table.Th>
          <Table.Th>{t("announcements.for")}</Table.Th>
          {staff && <Table.Th>{t("announcements.author")}</Table.Th>}
          <Table.Th>{t("announcements.when")}</Table.Th>
        </Table.Tr>
      </Table.Thead>
      <Table.Tbody>
        {announcements.map((announcement) => (
          <Table.Tr key={announcement.id}>
            <Table.Td className="wrap-anywhere">
              <Anchor component={Link} size="sm" to={`/messages/announcements/${announcement.id}`}>
                {announcement.title}
              </Anchor>
              <Group gap="xs" mt={4}>
                <StatusBadge status={announcement.status} />
                {announcement.version > 1 && (
                  <Text size="sm" c="dimmed">
                    {t("announcements.version", { number: announcement.version })}
                  </Text>
                )}
              </Group>
            </Table.Td>
            <Table.Td className="wrap-anywhere">
              <AudienceText audience={announcement.audience} />
            </Table.Td>
            {staff && (
              <Table.Td className="wrap-anywhere">
                {announcement.publisher.full_name || announcement.publisher.username}
              </Table.Td>
            )}
            <Table.Td>
              {announcement.published_at
                ? dateTime(announcement.published_at)
                : t("announcements.scheduled_for", { when: dateTime(announcement.publish_at) })}
            </Table.Td>
          </Table.Tr>
        ))}
      </Table.Tbody>
    </Table>
  );
}
