import { Button, Group, Paper, Stack, Text, Title } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";

import { LoadMore } from "../../app/LoadMore";
import { Trouble } from "../../app/Trouble";
import { useNotice } from "../../app/useNotice";
import { Waiting } from "../../app/Waiting";
import { useI18n } from "../../i18n/useI18n";
import { isStaff, useMe } from "../session/me";
import { AddFile } from "./AddFile";
import { FileTable } from "./FileTable";
import { filesQuery, teachesQuery } from "./queries";

/** The files of a course: to download for everybody, to add and remove for who keeps or teaches it. */
export function FilesOfCourse({ course }: { course: number }) {
  const { t } = useI18n();
  const me = useMe();
  const notice = useNotice();
  const taught = useQuery({ ...teachesQuery(course, me.id), enabled: me.role === "teacher" });
  const keeps = isStaff(me) || (me.role === "teacher" && taught.data === true);
  const files = useInfiniteQuery(filesQuery(course));
  const [adding, { open, close }] = useDisclosure(false);
  const items = files.data?.pages.flatMap((page) => page.items) ?? [];

  return (
    <Paper component="section" withBorder p="lg" aria-labelledby="files">
      <Stack>
        <Group justify="space-between" gap="xs">
          <Title order={2} size="h4" id="files">
            {t("files.title")}
          </Title>
          {keeps && !adding && (
            <Button variant="default" size="xs" onClick={open}>
              {t("files.add")}
            </Button>
          )}
        </Group>
        {adding && (
          <AddFile
            course={course}
            onAdded={({ title }) => notice(t("files.added", { name: title }))}
            onClose={close}
          />
        )}
        {files.isPending ? (
          <Waiting />
        ) : files.isError && items.length === 0 ? (
          <Trouble thrown={files.error} onRetry={() => void files.refetch()} />
        ) : items.length === 0 ? (
          <Text c="dimmed">{t("files.none")}</Text>
        ) : (
          <>
            <FileTable files={items} course={course} keeps={keeps} />
            {files.isError && (
              <Trouble thrown={files.error} onRetry={() => void files.fetchNextPage()} />
            )}
            {files.hasNextPage && (
              <LoadMore
                shown={items.length}
                hasMore
                loading={files.isFetchingNextPage}
                onMore={() => void files.fetchNextPage()}
              />
            )}
          </>
        )}
      </Stack>
    </Paper>
  );
}
