import { Anchor, Group, Table, Text } from "@mantine/core";
import { Link } from "react-router";

import type { Section } from "../../api/types";
import { useI18n } from "../../i18n/useI18n";
import { nameOf, periodsOf } from "./rules";
import { StatusBadge } from "./StatusBadge";

export function SectionTable({ sections }: { sections: Section[] }) {
  const { t, weekday } = useI18n();
  return (
    <Table verticalSpacing="sm" horizontalSpacing="md" className="in-blocks">
      <Table.Thead>
        <Table.Tr>
          <Table.Th>{t("sections.section")}</Table.Th>
          <Table.Th>{t("sections.teacher")}</Table.Th>
          <Table.Th>{t("sections.meetings")}</Table.Th>
          <Table.Th className="numeric">{t("sections.seats")}</Table.Th>
        </Table.Tr>
      </Table.Thead>
      <Table.Tbody>
        {sections.map((section) => (
          <Table.Tr key={section.id}>
            <Table.Td className="wrap-anywhere">
              <Group gap="xs">
                <Anchor component={Link} size="sm" to={`/sections/${section.id}`}>
                  {nameOf(section)}
                </Anchor>
                <StatusBadge status={section.status} />
              </Group>
              <Text size="sm">{section.course.title}</Text>
              <Text size="sm" c="dimmed">
                {section.term}
              </Text>
            </Table.Td>
            <Table.Td className="wrap-anywhere">
              {section.teacher ? (
                section.teacher.full_name || section.teacher.username
              ) : (
                <Text size="sm" c="dimmed">
                  {t("sections.no_teacher")}
                </Text>
              )}
            </Table.Td>
            <Table.Td className="wrap-anywhere">
              {section.meetings.map((meeting, index) => (
                <Text size="sm" key={index}>
                  {t("sections.when", {
                    day: weekday(meeting.weekday),
                    periods: periodsOf(meeting),
                  })}
                  {meeting.room && ` · ${meeting.room}`}
                </Text>
              ))}
            </Table.Td>
            <Table.Td className="numeric">
              {t("sections.taken", { enrolled: section.enrolled, capacity: section.capacity })}
              {section.waitlisted > 0 && (
                <Text size="sm" c="dimmed">
                  {t("sections.waiting", { count: section.waitlisted })}
                </Text>
              )}
            </Table.Td>
          </Table.Tr>
        ))}
      </Table.Tbody>
    </Table>
  );
}
