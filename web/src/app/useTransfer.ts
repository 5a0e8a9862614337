import { useIsMutating, useMutation, type UseMutationOptions } from "@tanstack/react-query";
import { useRef, useState } from "react";

import { asProblem } from "../api/problem";
import type { Transfer } from "./upload";

const KEY = ["transfer"];

/** Whether any file is on its way out. */
export const useIsTransferring = () => useIsMutating({ mutationKey: KEY }) > 0;

type Hooks<Sent, Wanted> = Pick<UseMutationOptions<Sent, Error, Wanted>, "onSuccess" | "onSettled">;

/** A file on its way out: begun, watched, stopped; a stop by the reader is no failure. */
export function useTransfer<Wanted, Sent>(
  send: (wanted: Wanted, transfer: Transfer) => Promise<Sent>,
  hooks: Hooks<Sent, Wanted>,
) {
  const stopping = useRef<AbortController | null>(null);
  const [sentBytes, setSentBytes] = useState(0);
  const mutation = useMutation({
    mutationKey: KEY,
    mutationFn: (wanted: Wanted) => {
      const { signal } = (stopping.current = new AbortController());
      setSentBytes(0);
      return send(wanted, { signal, onProgress: setSentBytes });
    },
    ...hooks,
  });
  const stopped = mutation.isError && asProblem(mutation.error).code === "upload_aborted";
  return {
    begin: mutation.mutate,
    stop: () => stopping.current?.abort(),
    uploading: mutation.isPending,
    sentBytes,
    failure: stopped ? null : mutation.error,
  };
}
