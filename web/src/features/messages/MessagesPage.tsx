import { Button, Tabs } from "@mantine/core";
import { Link, useSearchParams } from "react-router";

import { Page } from "../../app/Page";
import { useWords } from "../../i18n/useWords";
import { Published } from "../announcements/Published";
import { isAuthor, useMe } from "../session/me";
import { Inbox } from "./Inbox";

/** What is announced to one, and, for authors, what one has announced; the tab is in the address. */
export default function MessagesPage() {
  const { t } = useWords();
  const author = isAuthor(useMe());
  const [search, setSearch] = useSearchParams();

  if (!author) {
    return (
      <Page title={t("messages.title")}>
        <Inbox />
      </Page>
    );
  }
  const tab = search.get("tab") === "published" ? "published" : "inbox";
  return (
    <Page
      title={t("messages.title")}
      actions={
        <Button component={Link} to="/messages/announcements/new">
          {t("announcements.new")}
        </Button>
      }
    >
      <Tabs
        value={tab}
        onChange={(chosen) => setSearch(chosen === "published" ? { tab: chosen } : {})}
        keepMounted={false}
      >
        <Tabs.List mb="md">
          <Tabs.Tab value="inbox">{t("messages.inbox")}</Tabs.Tab>
          <Tabs.Tab value="published">{t("messages.published")}</Tabs.Tab>
        </Tabs.List>
        <Tabs.Panel value="inbox">
          <Inbox />
        </Tabs.Panel>
        <Tabs.Panel value="published">
          <Published />
        </Tabs.Panel>
      </Tabs>
    </Page>
  );
}
