import { Button } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";

import type { Announcement } from "../../api/types";
import { Confirmation } from "../../app/Confirmation";
import { Trouble } from "../../app/Trouble";
import { useNotice } from "../../app/useNotice";
import { useWords } from "../../i18n/useWords";
import { useWithdrawAnnouncement } from "./mutations";

/** Takes an announcement out of all inboxes, after a question. */
export function Withdraw({ announcement: { id, title } }: { announcement: Announcement }) {
  const { t } = useWords();
  const notice = useNotice();
  const withdrawing = useWithdrawAnnouncement(id);
  const [asking, { open, close }] = useDisclosure(false);
  const stop = () => {
    withdrawing.reset();
    close();
  };
  const withdraw = () =>
    withdrawing.mutate(undefined, {
      onSuccess: () => {
        notice(t("announcements.is_withdrawn", { title }));
        close();
      },
    });
  return (
    <>
      <Button color="red" variant="light" onClick={open}>
        {t("announcements.withdraw")}
      </Button>
      <Confirmation
        title={t("announcements.withdraw_title", { title })}
        text={t("announcements.withdraw_text")}
        action={t("announcements.withdraw")}
        opened={asking}
        doing={withdrawing.isPending}
        onConfirm={withdraw}
        onClose={stop}
      >
        {withdrawing.isError && <Trouble thrown={withdrawing.error} />}
      </Confirmation>
    </>
  );
}
