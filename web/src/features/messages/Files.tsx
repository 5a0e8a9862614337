import { Anchor, Stack, Text } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";

import { redirectedTo } from "../../api/client";
import type { AttachmentRef } from "../../api/types";
import { bytes } from "../../app/bytes";
import { Trouble } from "../../app/Trouble";
import { useWords } from "../../i18n/useWords";

/** The files of an announcement: the server names the address of each, the browser downloads. */
export function Files({ files }: { files: AttachmentRef[] }) {
  const { t, locale } = useWords();
  const download = useMutation({
    mutationFn: (id: number) => redirectedTo(`/api/announcement_attachments/${id}/download`),
    onSuccess: (address) => window.location.assign(address),
  });
  if (files.length === 0) return null;
  return (
    <Stack gap={4}>
      <Text size="sm" fw={600}>
        {t("inbox.files")}
      </Text>
      {download.isError && <Trouble thrown={download.error} />}
      <Stack component="ul" gap={4} m={0} pl="lg">
        {files.map(({ id, title, size }) => (
          <li key={id}>
            <Anchor
              component="button"
              type="button"
              size="sm"
              ta="start"
              className="wrap-anywhere"
              onClick={() => download.mutate(id)}
            >
              {t("inbox.file", { title, size: bytes(size, locale) })}
            </Anchor>
          </li>
        ))}
      </Stack>
    </Stack>
  );
}
