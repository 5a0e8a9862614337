import { Badge, Group, Paper, Stack, Text, Title, VisuallyHidden } from "@mantine/core";
import { useInfiniteQuery } from "@tanstack/react-query";

import type { Announcement, AnnouncementVersion } from "../../api/types";
import { LoadMore } from "../../app/LoadMore";
import { Trouble } from "../../app/Trouble";
import { Waiting } from "../../app/Waiting";
import { useWords } from "../../i18n/useWords";
import { versionsQuery } from "./queries";
import { diffLines, type DiffLine } from "./rules";

/** What an announcement said, newest first, and what changed each time. */
export function History({ announcement: { id } }: { announcement: Announcement }) {
  const { t } = useWords();
  const versions = useInfiniteQuery(versionsQuery(id));
  const items = versions.data?.pages.flatMap((page) => page.items) ?? [];
  return (
    <Paper component="section" withBorder p="lg" aria-labelledby="history">
      <Stack>
        <Title order={2} size="h4" id="history">
          {t("announcements.history")}
        </Title>
        {versions.isPending && <Waiting />}
        {items.map((version, index) => (
          <Version key={version.version} version={version} before={items[index + 1]} />
        ))}
        {versions.isError && (
          <Trouble thrown={versions.error} onRetry={() => void versions.fetchNextPage()} />
        )}
        {versions.hasNextPage && (
          <LoadMore
            shown={items.length}
            hasMore
            loading={versions.isFetchingNextPage}
            onMore={() => void versions.fetchNextPage()}
          />
        )}
      </Stack>
    </Paper>
  );
}

interface Props {
  version: AnnouncementVersion;
  before: AnnouncementVersion | undefined;
}

function Version({ version, before }: Props) {
  const { t, dateTime } = useWords();
  const { edited_by } = version;
  return (
    <Stack gap={4} component="article">
      <Group gap="xs">
        <Text fw={600}>{t("announcements.version", { number: version.version })}</Text>
        <Text size="sm" c="dimmed" className="wrap-anywhere">
          {t("announcements.history_by", {
            name: edited_by.full_name || edited_by.username,
            when: dateTime(version.created_at),
          })}
        </Text>
        {version.material && (
          <Badge color="orange" variant="light" tt="none" miw="max-content">
            {t("announcements.history_material")}
          </Badge>
        )}
      </Group>
      {before && before.title !== version.title && (
        <Text size="sm" className="wrap-anywhere">
          {t("announcements.history_title", { title: version.title })}
        </Text>
      )}
      {version.diff ? (
        <Diff diff={version.diff} />
      ) : (
        <Text size="sm" c="dimmed">
          {t(version.version === 1 ? "announcements.history_first" : "announcements.history_same")}
        </Text>
      )}
    </Stack>
  );
}

const SIGNS: Record<DiffLine["kind"], string> = { added: "+", removed: "−", same: "", gap: "⋮" };

/** What was added and removed, by colour, by a sign, and in words for who hears it. */
function Diff({ diff }: { diff: string }) {
  const { t } = useWords();
  return (
    <div className="diff">
      {diffLines(diff).map(({ kind, text }, index) => {
        const Line = kind === "added" ? "ins" : kind === "removed" ? "del" : "div";
        return (
          <Line key={index} className={`diff-${kind}`}>
            <span aria-hidden="true">{SIGNS[kind]}</span>
            <span>
              {(kind === "added" || kind === "removed") && (
                <VisuallyHidden>{t(`announcements.history_${kind}`)} </VisuallyHidden>
              )}
              {text}
            </span>
          </Line>
        );
      })}
    </div>
  );
}
