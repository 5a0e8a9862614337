import { Button } from "@mantine/core";

import { asProblem } from "../../api/problem";
import { Trouble } from "../../app/Trouble";
import { useNotice } from "../../app/useNotice";
import { useSecondsUntil } from "../../app/useSecondsUntil";
import { useWords } from "../../i18n/useWords";
import { useRemind } from "./mutations";

/** Reminds whoever has not confirmed; once an hour, so a second press says how long to wait. */
export function Remind({ id }: { id: number }) {
  const { t } = useWords();
  const notice = useNotice();
  const reminding = useRemind(id);
  const wait = useSecondsUntil(reminding.isError ? asProblem(reminding.error).retryAt : null);
  const remind = () =>
    reminding.mutate(undefined, {
      onSuccess: ({ reminded }) => notice(t("announcements.reminded", { count: reminded })),
    });
  return (
    <>
      {reminding.isError && <Trouble thrown={reminding.error} />}
      <Button variant="default" loading={reminding.isPending} disabled={wait > 0} onClick={remind}>
        {t("announcements.remind")}
      </Button>
    </>
  );
}
