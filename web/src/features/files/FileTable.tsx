import { Badge, Button, Group, Table, Text } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";

import { answered, api, redirectedTo } from "../../api/client";
import { asProblem } from "../../api/problem";
import type { Attachment } from "../../api/types";
import { bytes } from "../../app/bytes";
import { Confirmation } from "../../app/Confirmation";
import { DownloadIcon } from "../../app/icons";
import { Trouble } from "../../app/Trouble";
import { useNotice } from "../../app/useNotice";
import { useI18n } from "../../i18n/useI18n";
import { filesQuery } from "./queries";

interface Props {
  files: Attachment[];
  course: number;
  keeps: boolean;
}

export function FileTable({ files, course, keeps }: Props) {
  const { t, locale, date } = useI18n();
  const [removing, setRemoving] = useState<Attachment | null>(null);
  // The server names the address, the browser downloads.
  const download = useMutation({
    mutationFn: (id: number) => redirectedTo(`/api/course_attachments/${id}/download`),
    onSuccess: (address) => window.location.assign(address),
  });

  return (
    <>
      {download.isError && <Trouble thrown={download.error} />}
      <Table verticalSpacing="xs" className="in-blocks">
        <Table.Thead>
          <Table.Tr>
            <Table.Th>{t("files.name")}</Table.Th>
            <Table.Th>{t("files.size")}</Table.Th>
            <Table.Th>{t("files.since")}</Table.Th>
            <Table.Td />
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {files.map((file) => (
            <Table.Tr key={file.id}>
              <Table.Td className="wrap-anywhere">
                <Group gap="xs">
                  <Text size="sm" fw={600}>
                    {file.title}
                  </Text>
                  {file.state === "uploading" && (
                    <Badge color="orange" variant="light" tt="none" miw="max-content">
                      {t("files.unfinished")}
                    </Badge>
                  )}
                </Group>
                {file.title !== file.filename && (
                  <Text size="sm" c="dimmed">
                    {file.filename}
                  </Text>
                )}
              </Table.Td>
              <Table.Td>{bytes(file.size, locale)}</Table.Td>
              <Table.Td className="wrap-anywhere">
                {date(file.created_at)}
                {file.uploaded_by && (
                  <Text size="sm" c="dimmed">
                    {file.uploaded_by.full_name || file.uploaded_by.username}
                  </Text>
                )}
              </Table.Td>
              <Table.Td>
                <Group gap={4} justify="flex-end" wrap="nowrap" className="row-actions">
                  {file.state === "ready" && (
                    <Button
                      size="compact-sm"
                      variant="subtle"
                      leftSection={<DownloadIcon />}
                      loading={download.isPending && download.variables === file.id}
                      aria-label={t("files.download_named", { name: file.title })}
                      onClick={() => download.mutate(file.id)}
                    >
                      {t("files.download")}
                    </Button>
                  )}
                  {keeps && (
                    <Button
                      size="compact-sm"
                      variant="subtle"
                      color="red"
                      aria-label={t("files.remove_named", { name: file.title })}
                      onClick={() => setRemoving(file)}
                    >
                      {t("files.remove")}
                    </Button>
                  )}
                </Group>
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
      {removing && (
        <RemoveFile
          key={removing.id}
          file={removing}
          course={course}
          onClose={() => setRemoving(null)}
        />
      )}
    </>
  );
}

interface RemoveProps {
  file: Attachment;
  course: number;
  onClose(): void;
}

function RemoveFile({ file, course, onClose }: RemoveProps) {
  const { t } = useI18n();
  const notice = useNotice();
  const queries = useQueryClient();
  const removal = useMutation({
    mutationFn: () =>
      answered(api.DELETE("/api/course_attachments/{id}", { params: { path: { id: file.id } } })),
    onSuccess: () => {
      notice(t("files.removed", { name: file.title }));
      onClose();
    },
    onSettled: () => queries.invalidateQueries(filesQuery(course)),
  });
  return (
    <Confirmation
      title={t("files.remove_title", { name: file.title })}
      text={t("files.remove_text")}
      action={t("files.remove")}
      opened
      doing={removal.isPending}
      onConfirm={() => removal.mutate()}
      onClose={onClose}
    >
      {removal.isError && <FileTroubled thrown={removal.error} />}
    </Confirmation>
  );
}

/** A failure with files; a refusal by role says whose the files of a course are. */
export function FileTroubled({ thrown }: { thrown: unknown }) {
  const { t } = useI18n();
  return (
    <Trouble thrown={thrown}>
      {asProblem(thrown).status === 403 && <Text size="sm">{t("files.forbidden")}</Text>}
    </Trouble>
  );
}
