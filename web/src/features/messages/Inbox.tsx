import { Alert, Stack, Switch } from "@mantine/core";
import { useInfiniteQuery } from "@tanstack/react-query";
import { useState } from "react";

import type { Delivery } from "../../api/types";
import { Empty } from "../../app/Empty";
import { LoadMore } from "../../app/LoadMore";
import { Trouble } from "../../app/Trouble";
import { useFilters } from "../../app/useFilters";
import { Waiting } from "../../app/Waiting";
import { useWords } from "../../i18n/useWords";
import { InboxItem } from "./InboxItem";
import { inboxQuery, useTell, wasWithdrawn } from "./queries";
import { toldOnOpening } from "./rules";
import { useNews } from "./useNews";

/** What is announced to the reader, newest first; opening one says that it was shown. */
export function Inbox() {
  const { t } = useWords();
  const { values, set } = useFilters(["unread"]);
  const unreadOnly = values.unread === "true";
  const inbox = useInfiniteQuery(inboxQuery(unreadOnly));
  const items = inbox.data?.pages.flatMap((page) => page.items) ?? [];
  const [opened, setOpened] = useState<number | null>(null);
  const telling = useTell();
  const withdrawn = telling.isError && wasWithdrawn(telling.error);
  useNews(opened !== null);

  const toggle = (delivery: Delivery) => {
    const opens = delivery.id !== opened;
    setOpened(opens ? delivery.id : null);
    const what = opens && toldOnOpening(delivery);
    if (what) telling.mutate({ delivery, what });
  };

  return (
    <Stack>
      <Switch
        label={t("inbox.unread_only")}
        checked={unreadOnly}
        onChange={(event) => {
          setOpened(null);
          set("unread", event.currentTarget.checked ? "true" : "");
        }}
      />
      {withdrawn ? (
        <Alert
          role="alert"
          color="orange"
          title={t("inbox.withdrawn")}
          withCloseButton
          closeButtonLabel={t("inbox.close")}
          onClose={() => telling.reset()}
          className="wrap-anywhere"
        >
          {t("inbox.withdrawn_text", {
            title: telling.variables.delivery.announcement.title,
          })}
        </Alert>
      ) : (
        telling.isError && <Trouble thrown={telling.error} />
      )}
      {inbox.isPending ? (
        <Waiting />
      ) : inbox.isError && items.length === 0 ? (
        <Trouble thrown={inbox.error} onRetry={() => void inbox.refetch()} />
      ) : items.length === 0 ? (
        <Empty
          title={t(unreadOnly ? "inbox.none_unread" : "inbox.none")}
          text={t(unreadOnly ? "inbox.none_unread_text" : "inbox.none_text")}
        />
      ) : (
        <>
          <Stack
            component="ul"
            gap="sm"
            m={0}
            p={0}
            className={inbox.isPlaceholderData ? "plain-list stale" : "plain-list"}
          >
            {items.map((delivery) => (
              <InboxItem
                key={delivery.id}
                delivery={delivery}
                opened={delivery.id === opened}
                confirming={telling.isPending && telling.variables.what === "ack"}
                onToggle={() => toggle(delivery)}
                onConfirm={() => telling.mutate({ delivery, what: "ack" })}
              />
            ))}
          </Stack>
          {inbox.isError && (
            <Trouble thrown={inbox.error} onRetry={() => void inbox.fetchNextPage()} />
          )}
          <LoadMore
            shown={items.length}
            hasMore={inbox.hasNextPage}
            loading={inbox.isFetchingNextPage}
            onMore={() => void inbox.fetchNextPage()}
          />
        </>
      )}
    </Stack>
  );
}
