import { ActionIcon } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link } from "react-router";

import { BellIcon } from "../../app/icons";
import { useI18n } from "../../i18n/useI18n";
import { badge } from "./rules";
import { unreadQuery } from "./unread";

/** The way to the messages, with how many of them are unread. */
export function Bell() {
  const { t } = useI18n();
  const { data } = useQuery(unreadQuery);
  const unread = data?.unread ?? 0;
  return (
    <ActionIcon
      component={Link}
      to="/messages"
      variant="default"
      size={30}
      className="bell"
      aria-label={unread > 0 ? t("app.unread", { count: unread }) : t("app.nothing_unread")}
    >
      <BellIcon />
      {unread > 0 && (
        <span className="bell-count" aria-hidden="true">
          {badge(unread)}
        </span>
      )}
    </ActionIcon>
  );
}
