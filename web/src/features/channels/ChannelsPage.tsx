import { Button, Paper, Table } from "@mantine/core";
import { useInfiniteQuery } from "@tanstack/react-query";
import { Link } from "react-router";

import { Empty } from "../../app/Empty";
import { LoadMore } from "../../app/LoadMore";
import { Page } from "../../app/Page";
import { Trouble } from "../../app/Trouble";
import { Waiting } from "../../app/Waiting";
import { useWords } from "../../i18n/useWords";
import { ChannelRow } from "./ChannelRow";
import { channelsQuery } from "./queries";

/** Where announcements go besides inboxes and mails, by name. */
export default function ChannelsPage() {
  const { t } = useWords();
  const channels = useInfiniteQuery(channelsQuery());
  const items = channels.data?.pages.flatMap((page) => page.items) ?? [];

  return (
    <Page
      title={t("channels.title")}
      lead={t("channels.lead")}
      actions={
        <Button component={Link} to="/channels/new">
          {t("channels.new")}
        </Button>
      }
    >
      {channels.isPending ? (
        <Waiting />
      ) : channels.isError && items.length === 0 ? (
        <Trouble thrown={channels.error} onRetry={() => void channels.refetch()} />
      ) : items.length === 0 ? (
        <Empty title={t("channels.none")} text={t("channels.none_text")} />
      ) : (
        <>
          <Paper withBorder>
            <Table verticalSpacing="sm" horizontalSpacing="md" className="in-blocks">
              <Table.Thead>
                <Table.Tr>
                  <Table.Th>{t("channels.channel")}</Table.Th>
                  <Table.Th>{t("channels.last_post")}</Table.Th>
                  <Table.Th>{t("channels.actions")}</Table.Th>
                </Table.Tr>
              </Table.Thead>
              <Table.Tbody>
                {items.map((channel) => (
                  <ChannelRow key={channel.id} channel={channel} />
                ))}
              </Table.Tbody>
            </Table>
          </Paper>
          <LoadMore
            shown={items.length}
            hasMore={channels.hasNextPage}
            loading={channels.isFetchingNextPage}
            onMore={() => void channels.fetchNextPage()}
          />
        </>
      )}
    </Page>
  );
}
