import { Button, FileInput, Group, Progress, Stack, Text, TextInput } from "@mantine/core";
import { useState } from "react";

import { asProblem } from "../../api/problem";
import type { Attachment } from "../../api/types";
import { bytes } from "../../app/bytes";
import { useI18n } from "../../i18n/useI18n";
import { FileTroubled } from "./FileTable";
import { checkFile, LONGEST_NAME, type FileTrouble } from "./rules";
import { useUpload } from "./useUpload";

interface Props {
  /** Whose file it is to be; without one, it is for an announcement. */
  course: number | null;
  onAdded(file: Attachment): void;
  onClose(): void;
}

/** The form that brings a file. */
export function AddFile({ course, onAdded, onClose }: Props) {
  const { t, locale } = useI18n();
  const [file, setFile] = useState<File | null>(null);
  const [title, setTitle] = useState("");
  const [trouble, setTrouble] = useState<FileTrouble | null>(null);
  const { begin, stop, uploading, sentBytes, failure } = useUpload(course);
  const refused = failure ? asProblem(failure).fields.map(({ field }) => field) : [];
  const wrongType = refused.includes("content_type");

  const choose = (chosen: File | null) => {
    setFile(chosen);
    setTrouble(chosen && checkFile(chosen));
  };
  const submit = () => {
    const found = checkFile(file);
    setTrouble(found);
    if (!file || found) return;
    begin(
      { file, title: title.trim() },
      {
        onSuccess: (added) => {
          onAdded(added);
          onClose();
        },
      },
    );
  };

  return (
    <form
      noValidate
      aria-label={t("files.add")}
      onSubmit={(event) => {
        event.preventDefault();
        submit();
      }}
    >
      <Stack maw={560}>
        {failure && !wrongType && <FileTroubled thrown={failure} />}
        <FileInput
          label={t("files.file")}
          description={t("files.file_hint")}
          placeholder={t("imports.choose")}
          required
          clearable
          clearButtonProps={{ "aria-label": t("imports.clear") }}
          value={file}
          onChange={choose}
          error={trouble ? t(trouble) : wrongType && t("files.wrong_type")}
          disabled={uploading}
        />
        <TextInput
          label={t("files.file_title")}
          description={t("files.file_title_hint")}
          maxLength={LONGEST_NAME}
          value={title}
          onChange={(event) => setTitle(event.currentTarget.value)}
          disabled={uploading}
        />
        {uploading && file && (
          <Stack gap={4}>
            <Progress
              value={(sentBytes / file.size) * 100}
              aria-label={t("imports.uploading", { name: file.name })}
            />
            <Text size="sm" c="dimmed">
              {sentBytes < file.size
                ? t("imports.progress", {
                    done: bytes(sentBytes, locale),
                    total: bytes(file.size, locale),
                  })
                : t("files.checking")}
            </Text>
          </Stack>
        )}
        <Group gap="xs">
          <Button type="submit" loading={uploading}>
            {t("files.upload")}
          </Button>
          <Button variant="default" onClick={uploading ? stop : onClose}>
            {t("app.cancel")}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
