import { Badge, Button, Group, Table, Text } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";

import type { Channel, ChannelPost } from "../../api/types";
import { Confirmation } from "../../app/Confirmation";
import { Trouble } from "../../app/Trouble";
import { useNotice } from "../../app/useNotice";
import { useWords } from "../../i18n/useWords";
import { PostOutcome } from "./PostOutcome";
import { useDeleteChannel, useSwitchChannel, useTestChannel } from "./queries";
import { placeOf } from "./rules";

/** A channel, how its last post went, and what a manager can do with it. */
export function ChannelRow({ channel }: { channel: Channel }) {
  const { t } = useWords();
  const notice = useNotice();
  const [asking, { open, close }] = useDisclosure(false);
  const test = useTestChannel(channel.id);
  const toggle = useSwitchChannel(channel.id);
  const deletion = useDeleteChannel(channel.id);
  const failure = test.error ?? toggle.error;

  const remove = () =>
    deletion.mutate(undefined, {
      onSuccess: () => notice(t("channels.deleted", { name: channel.name })),
    });

  return (
    <Table.Tr>
      <Table.Td className="wrap-anywhere">
        <Group gap="xs">
          <Text size="sm" fw={600}>
            {channel.name}
          </Text>
          {!channel.active && (
            <Badge color="gray" variant="light" tt="none" miw="max-content">
              {t("channels.is_inactive")}
            </Badge>
          )}
        </Group>
        <Text size="sm" c="dimmed">
          {t(`channels.kind.${channel.kind}`)} · {placeOf(channel)}
        </Text>
      </Table.Td>
      <Table.Td>
        <Outcome post={channel.last_post} />
      </Table.Td>
      <Table.Td>
        {failure && <Trouble thrown={failure} />}
        <Group gap="xs">
          <Button
            size="xs"
            variant="default"
            loading={test.isPending}
            aria-label={t("channels.test_named", { name: channel.name })}
            onClick={() => test.mutate()}
          >
            {t("channels.test")}
          </Button>
          <Button
            size="xs"
            variant="default"
            loading={toggle.isPending}
            aria-label={t(channel.active ? "channels.pause_named" : "channels.resume_named", {
              name: channel.name,
            })}
            onClick={() => toggle.mutate(!channel.active)}
          >
            {t(channel.active ? "channels.pause" : "channels.resume")}
          </Button>
          <Button
            size="xs"
            variant="light"
            color="red"
            aria-label={t("channels.delete_named", { name: channel.name })}
            onClick={open}
          >
            {t("channels.delete")}
          </Button>
        </Group>
        <Confirmation
          title={t("channels.delete_title", { name: channel.name })}
          text={t("channels.delete_text")}
          action={t("channels.delete")}
          opened={asking}
          doing={deletion.isPending}
          onConfirm={remove}
          onClose={close}
        >
          {deletion.isError && <Trouble thrown={deletion.error} />}
        </Confirmation>
      </Table.Td>
    </Table.Tr>
  );
}

function Outcome({ post }: { post: ChannelPost | null }) {
  const { t, date } = useWords();
  if (!post) {
    return (
      <Text size="sm" c="dimmed">
        {t("channels.nothing_yet")}
      </Text>
    );
  }
  return (
    <>
      <PostOutcome state={post.state} code={post.code} />
      <Text size="sm" c="dimmed">
        {date(post.ended_at ?? post.created_at)}
      </Text>
    </>
  );
}
