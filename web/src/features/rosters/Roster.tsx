import { Button, Group, Paper, Stack, Table, Text, Title } from "@mantine/core";
import { useInfiniteQuery } from "@tanstack/react-query";
import { useState } from "react";

import type { Enrollment, Section } from "../../api/types";
import { Confirmation } from "../../app/Confirmation";
import { LoadMore } from "../../app/LoadMore";
import { SearchField } from "../../app/SearchField";
import { Trouble } from "../../app/Trouble";
import { useNotice } from "../../app/useNotice";
import { Waiting } from "../../app/Waiting";
import { useI18n } from "../../i18n/useI18n";
import { isStaff, useMe } from "../session/me";
import { EnrollStudent } from "./EnrollStudent";
import { PlaceBadge } from "./OwnSeat";
import { rosterQuery, useWithdraw } from "./queries";

/** Who is in a section, then who waits for it, in the order of the line. */
export function Roster({ section }: { section: Section }) {
  const { t } = useI18n();
  const keeps = isStaff(useMe()) && section.status !== "archived";
  const [q, setQ] = useState("");
  const roster = useInfiniteQuery(rosterQuery(section.id, q));
  const items = roster.data?.pages.flatMap((page) => page.items) ?? [];

  return (
    <Paper component="section" withBorder p="lg" aria-labelledby="roster">
      <Stack>
        <Title order={2} size="h4" id="roster">
          {t("rosters.title")}
        </Title>
        {keeps && <EnrollStudent section={section} />}
        {(items.length > 0 || q) && (
          <SearchField
            label={t("rosters.search")}
            placeholder={t("rosters.search_placeholder")}
            initial=""
            onSearch={setQ}
          />
        )}
        {roster.isPending ? (
          <Waiting />
        ) : roster.isError && items.length === 0 ? (
          <Trouble thrown={roster.error} onRetry={() => void roster.refetch()} />
        ) : items.length === 0 ? (
          <Text c="dimmed">{t(q ? "users.no_match" : "rosters.none")}</Text>
        ) : (
          <>
            <RosterTable section={section} enrollments={items} keeps={keeps} />
            {roster.isError && (
              <Trouble thrown={roster.error} onRetry={() => void roster.fetchNextPage()} />
            )}
            <LoadMore
              shown={items.length}
              hasMore={roster.hasNextPage}
              loading={roster.isFetchingNextPage}
              onMore={() => void roster.fetchNextPage()}
            />
          </>
        )}
      </Stack>
    </Paper>
  );
}

interface TableProps {
  section: Section;
  enrollments: Enrollment[];
  keeps: boolean;
}

function RosterTable({ section, enrollments, keeps }: TableProps) {
  const { t, dateTime } = useI18n();
  const [leaving, setLeaving] = useState<Enrollment | null>(null);
  return (
    <>
      <Table verticalSpacing="xs" className="in-blocks">
        <Table.Thead>
          <Table.Tr>
            <Table.Th>{t("rosters.student")}</Table.Th>
            <Table.Th>{t("users.state")}</Table.Th>
            <Table.Th>{t("rosters.since")}</Table.Th>
            {keeps && <Table.Td />}
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {enrollments.map((enrollment) => (
            <Table.Tr key={enrollment.user.id}>
              <Table.Td className="wrap-anywhere">
                {enrollment.user.full_name || enrollment.user.username}
                <Text size="sm" c="dimmed">
                  {enrollment.user.username}
                </Text>
              </Table.Td>
              <Table.Td>
                <PlaceBadge enrollment={enrollment} />
              </Table.Td>
              <Table.Td>{dateTime(enrollment.enrolled_at)}</Table.Td>
              {keeps && (
                <Table.Td ta="end">
                  <Group justify="flex-end" className="row-actions">
                    <Button
                      size="compact-sm"
                      variant="subtle"
                      color="red"
                      aria-label={t("rosters.withdraw_named", { name: enrollment.user.username })}
                      onClick={() => setLeaving(enrollment)}
                    >
                      {t("rosters.withdraw")}
                    </Button>
                  </Group>
                </Table.Td>
              )}
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
      {leaving && (
        <Withdrawal section={section} enrollment={leaving} onClose={() => setLeaving(null)} />
      )}
    </>
  );
}

interface WithdrawalProps {
  section: Section;
  enrollment: Enrollment;
  onClose(): void;
}

function Withdrawal({ section, enrollment: { user }, onClose }: WithdrawalProps) {
  const { t } = useI18n();
  const notice = useNotice();
  const withdrawing = useWithdraw(section.id);
  const withdraw = () =>
    withdrawing.mutate(user.id, {
      onSuccess: () => {
        notice(t("rosters.withdrawn", { name: user.username }));
        onClose();
      },
    });
  return (
    <Confirmation
      title={t("rosters.withdraw_title", { name: user.username })}
      text={t("rosters.withdraw_text")}
      action={t("rosters.withdraw")}
      opened
      doing={withdrawing.isPending}
      onConfirm={withdraw}
      onClose={onClose}
    >
      {withdrawing.isError && <Trouble thrown={withdrawing.error} />}
    </Confirmation>
  );
}
