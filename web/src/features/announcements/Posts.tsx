import { Paper, Stack, Text, Title } from "@mantine/core";

import type { Announcement } from "../../api/types";
import { useWords } from "../../i18n/useWords";
import { PostOutcome } from "../channels/PostOutcome";

/** Where an announcement is posted besides inboxes and mails, and how that went. */
export function Posts({ announcement: { channels, status } }: { announcement: Announcement }) {
  const { t } = useWords();
  if (channels.length === 0) return null;
  return (
    <Paper component="section" withBorder p="lg" aria-labelledby="posts">
      <Stack>
        <Title order={2} size="h4" id="posts">
          {t("announcements.posts")}
        </Title>
        <Stack component="ul" gap="sm" m={0} p={0} className="plain-list">
          {channels.map(({ id, name, state, code }) => (
            <Stack component="li" key={id} gap={2}>
              <Text size="sm" fw={600} className="wrap-anywhere">
                {name}
              </Text>
              {state ? (
                <PostOutcome state={state} code={code} />
              ) : (
                <Text size="sm" c="dimmed">
                  {t(
                    status === "scheduled"
                      ? "announcements.posts_later"
                      : "announcements.posts_none",
                  )}
                </Text>
              )}
            </Stack>
          ))}
        </Stack>
      </Stack>
    </Paper>
  );
}
