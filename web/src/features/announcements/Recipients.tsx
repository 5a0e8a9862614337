import { Badge, Group, Paper, Stack, Table, Text, Title } from "@mantine/core";
import { useInfiniteQuery } from "@tanstack/react-query";

import type { Announcement, Recipient } from "../../api/types";
import { FilterSelect } from "../../app/FilterSelect";
import { LoadMore } from "../../app/LoadMore";
import { Trouble } from "../../app/Trouble";
import { useFilters } from "../../app/useFilters";
import { Waiting } from "../../app/Waiting";
import { useWords } from "../../i18n/useWords";
import { recipientsQuery } from "./queries";
import { recipientFilters, STATES } from "./rules";

const COLOURS: Record<Recipient["state"], string> = {
  queued: "gray",
  delivered: "indigo",
  acknowledged: "teal",
};

/** Who got an announcement, and what each has done with it. */
export function Recipients({ announcement: { id, requires_ack } }: { announcement: Announcement }) {
  const { t } = useWords();
  const { values, set } = useFilters(["state"]);
  const recipients = useInfiniteQuery(recipientsQuery(id, recipientFilters(values.state)));
  const items = recipients.data?.pages.flatMap((page) => page.items) ?? [];
  const label = (state: Recipient["state"]) =>
    t(
      state === "acknowledged" && !requires_ack
        ? "announcements.state.read"
        : `announcements.state.${state}`,
    );

  return (
    <Paper component="section" withBorder p="lg" aria-labelledby="recipients">
      <Stack>
        <Title order={2} size="h4" id="recipients">
          {t("announcements.recipients")}
        </Title>
        <Group>
          <FilterSelect
            label={t("users.state")}
            all={t("announcements.all_states")}
            value={values.state}
            options={[
              { value: "unacknowledged", label: t("announcements.unacknowledged") },
              ...STATES.map((state) => ({ value: state, label: label(state) })),
            ]}
            onChange={(state) => set("state", state)}
          />
        </Group>
        {recipients.isPending ? (
          <Waiting />
        ) : recipients.isError && items.length === 0 ? (
          <Trouble thrown={recipients.error} onRetry={() => void recipients.refetch()} />
        ) : items.length === 0 ? (
          <Text c="dimmed">{t("announcements.recipients_none")}</Text>
        ) : (
          <>
            <RecipientTable recipients={items} label={label} />
            {recipients.isError && (
              <Trouble thrown={recipients.error} onRetry={() => void recipients.fetchNextPage()} />
            )}
            <LoadMore
              shown={items.length}
              hasMore={recipients.hasNextPage}
              loading={recipients.isFetchingNextPage}
              onMore={() => void recipients.fetchNextPage()}
            />
          </>
        )}
      </Stack>
    </Paper>
  );
}

interface TableProps {
  recipients: Recipient[];
  label(state: Recipient["state"]): string;
}

function RecipientTable({ recipients, label }: TableProps) {
  const { t, dateTime } = useWords();
  return (
    <Table verticalSpacing="xs" className="in-blocks">
      <Table.Thead>
        <Table.Tr>
          <Table.Th>{t("announcements.person")}</Table.Th>
          <Table.Th>{t("users.state")}</Table.Th>
          <Table.Th>{t("announcements.since")}</Table.Th>
          <Table.Th>{t("announcements.reminders")}</Table.Th>
          <Table.Th>{t("announcements.mail")}</Table.Th>
        </Table.Tr>
      </Table.Thead>
      <Table.Tbody>
        {recipients.map(({ user, state, ...delivery }) => {
          const since = delivery.ack_at ?? delivery.delivered_at;
          return (
            <Table.Tr key={user.id}>
              <Table.Td className="wrap-anywhere">
                {user.full_name || user.username}
                <Text size="sm" c="dimmed">
                  {user.username}
                </Text>
              </Table.Td>
              <Table.Td>
                <Badge color={COLOURS[state]} variant="light" tt="none" miw="max-content">
                  {label(state)}
                </Badge>
              </Table.Td>
              <Table.Td>{since && dateTime(since)}</Table.Td>
              <Table.Td>
                {delivery.retry_count > 0 &&
                  delivery.last_push_at &&
                  t("announcements.reminded_times", {
                    count: delivery.retry_count,
                    when: dateTime(delivery.last_push_at),
                  })}
              </Table.Td>
              <Table.Td>{delivery.mail && t(`announcements.mail.${delivery.mail}`)}</Table.Td>
            </Table.Tr>
          );
        })}
      </Table.Tbody>
    </Table>
  );
}
