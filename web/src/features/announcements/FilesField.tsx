import { Button, Fieldset, Group, Stack, Text } from "@mantine/core";

import type { AttachmentRef } from "../../api/types";
import { bytes } from "../../app/bytes";
import { useWords } from "../../i18n/useWords";

interface Props {
  files: AttachmentRef[];
  onChange(files: AttachmentRef[]): void;
}

/** The files that an announcement comes with. */
export function FilesField({ files, onChange }: Props) {
  const { t, locale } = useWords();
  return (
    <Fieldset legend={t("announcements.files")}>
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
    </Fieldset>
  );
}
