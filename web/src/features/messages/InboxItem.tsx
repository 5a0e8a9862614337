import { Badge, Button, Group, Paper, Stack, Text, Title, UnstyledButton } from "@mantine/core";
import { useId } from "react";

import type { Delivery } from "../../api/types";
import { useWords } from "../../i18n/useWords";
import { Files } from "./Files";
import { standingOf, type Standing } from "./rules";
import { Written } from "./Written";

const COLOURS: Record<Standing, string> = {
  new: "indigo",
  to_confirm: "orange",
  confirmed: "teal",
  read: "gray",
};

interface Props {
  delivery: Delivery;
  opened: boolean;
  confirming: boolean;
  onToggle(): void;
  onConfirm(): void;
}

/** One announcement in the inbox: its head, and below it what it says when it is open. */
export function InboxItem({ delivery, opened, confirming, onToggle, onConfirm }: Props) {
  const { t, dateTime } = useWords();
  const id = useId();
  const { announcement } = delivery;
  const { publisher, published_at, version } = announcement;
  const standing = standingOf(delivery);
  return (
    <Paper component="li" withBorder>
      <Group
        justify="space-between"
        gap="xs"
        wrap="nowrap"
        align="flex-start"
        p="md"
        className="stretch-within"
      >
        <Stack gap={2} miw={0}>
          <Title order={2} size="md" fw={standing === "new" ? 700 : 500}>
            <UnstyledButton
              fz="inherit"
              fw="inherit"
              className="stretched wrap-anywhere"
              aria-expanded={opened}
              aria-controls={opened ? id : undefined}
              onClick={onToggle}
            >
              {announcement.title}
            </UnstyledButton>
          </Title>
          <Text size="sm" c="dimmed" className="wrap-anywhere">
            {t("inbox.by", {
              name: publisher.full_name || publisher.username,
              when: dateTime(published_at),
            })}
            {version > 1 && ` · ${t("inbox.edited")}`}
          </Text>
        </Stack>
        <Badge color={COLOURS[standing]} variant="light" tt="none" miw="max-content">
          {t(`inbox.state.${standing}`)}
        </Badge>
      </Group>
      {opened && (
        <Stack id={id} px="md" pb="md">
          {version > 1 && (
            <Text size="sm" c="dimmed">
              {t("inbox.changed")}
            </Text>
          )}
          <Written html={announcement.html} />
          <Files files={announcement.attachments} />
          <Confirming delivery={delivery} confirming={confirming} onConfirm={onConfirm} />
        </Stack>
      )}
    </Paper>
  );
}

function Confirming({
  delivery: { state, ack_at, announcement },
  confirming,
  onConfirm,
}: Pick<Props, "delivery" | "confirming" | "onConfirm">) {
  const { t, dateTime } = useWords();
  if (state === "acknowledged") {
    return (
      <Text size="sm" c="dimmed">
        {t(announcement.requires_ack ? "inbox.confirmed_at" : "inbox.read_at", {
          when: ack_at ? dateTime(ack_at) : "",
        })}
      </Text>
    );
  }
  if (!announcement.requires_ack) return null;
  return (
    <Group gap="sm">
      <Button loading={confirming} onClick={onConfirm}>
        {t("inbox.confirm")}
      </Button>
      <Text size="sm" c="dimmed">
        {t("inbox.confirm_text")}
      </Text>
    </Group>
  );
}
