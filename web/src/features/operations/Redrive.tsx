import { Confirmation } from "../../app/Confirmation";
import { Trouble } from "../../app/Trouble";
import { useNotice } from "../../app/useNotice";
import { useWords } from "../../i18n/useWords";
import { useRedrive } from "./queries";

interface Props {
  name: string;
  onClose(): void;
}

/** Asks before dead letters are worked on again: whatever made them fail should be gone. */
export function Redrive({ name, onClose }: Props) {
  const { t } = useWords();
  const notice = useNotice();
  const redriving = useRedrive(name);
  const redrive = () =>
    redriving.mutate(undefined, {
      onSuccess: ({ moved, more }) => {
        notice(t(more ? "ops.moved_more" : "ops.moved", { count: moved }));
        onClose();
      },
    });
  return (
    <Confirmation
      title={t("ops.redrive_title", { name })}
      text={t("ops.redrive_text")}
      action={t("ops.redrive")}
      opened
      doing={redriving.isPending}
      onConfirm={redrive}
      onClose={onClose}
    >
      {redriving.isError && <Trouble thrown={redriving.error} />}
    </Confirmation>
  );
}
