import { Button, Group, Paper, Stack, Text, Title } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";

import type { AttachmentRef } from "../../api/types";
import { bytes } from "../../app/bytes";
import { useWords } from "../../i18n/useWords";
import { AddFile } from "../files/AddFile";
import { LIMITS } from "./rules";

interface Props {
  files: AttachmentRef[];
  onChange(files: AttachmentRef[]): void;
}

/** The files that an announcement comes with. It has a form of its own, so it stands in no other. */
export function FilesField({ files, onChange }: Props) {
  const { t, locale } = useWords();
  const [adding, { open, close }] = useDisclosure(false);
  return (
    <Paper component="section" withBorder p="md" aria-labelledby="announcement-files">
      <Stack gap="sm">
        <Group justify="space-between" gap="xs">
          <Title order={2} size="sm" id="announcement-files">
            {t("announcements.files")}
          </Title>
          {!adding && files.length < LIMITS.files && (
            <Button variant="default" size="xs" onClick={open}>
              {t("files.add")}
            </Button>
          )}
        </Group>
        {files.length === 0 && !adding && (
          <Text size="sm" c="dimmed">
            {t("announcements.files_none")}
          </Text>
        )}
        <Stack component="ul" gap={4} m={0} p={0} className="plain-list">
          {files.map((file) => (
            <Group component="li" key={file.id} gap="xs" wrap="nowrap" justify="space-between">
              <Text size="sm" className="wrap-anywhere">
                {t("inbox.file", { title: file.title, size: bytes(file.size, locale) })}
              </Text>
              <Button
                size="compact-sm"
                variant="subtle"
                color="red"
                miw="max-content"
                aria-label={t("files.remove_named", { name: file.title })}
                onClick={() => onChange(files.filter(({ id }) => id !== file.id))}
              >
                {t("files.remove")}
              </Button>
            </Group>
          ))}
        </Stack>
        {adding && (
          <AddFile course={null} onAdded={(file) => onChange([...files, file])} onClose={close} />
        )}
      </Stack>
    </Paper>
  );
}
