import { Button, Stack } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";

import { redirectedTo } from "../../api/client";
import { Trouble } from "../../app/Trouble";
import { DownloadIcon } from "../../app/icons";

interface Props {
  taskId: string;
  what: "download" | "errors";
  label: string;
}

/** Fetches a file of a task: the server names the address, the browser downloads. */
export function DownloadButton({ taskId, what, label }: Props) {
  const download = useMutation({
    mutationFn: () => redirectedTo(`/api/tasks/${taskId}/${what}`),
    onSuccess: (address) => window.location.assign(address),
  });
  return (
    <Stack gap="xs" align="flex-start">
      <Button
        variant="light"
        leftSection={<DownloadIcon />}
        loading={download.isPending}
        onClick={() => download.mutate()}
      >
        {label}
      </Button>
      {download.isError && <Trouble thrown={download.error} />}
    </Stack>
  );
}
