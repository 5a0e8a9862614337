import { Text } from "@mantine/core";

import type { ChannelPost } from "../../api/types";
import { useWords } from "../../i18n/useWords";
import { outcomeOf } from "./rules";

/** How a post went, and if it did not, why. */
export function PostOutcome({ state, code }: Pick<ChannelPost, "state" | "code">) {
  const { t } = useWords();
  const outcome = t(`channels.state.${outcomeOf(state, code)}`);
  return (
    <Text size="sm" className="wrap-anywhere">
      {code ? t("channels.because", { outcome, reason: t(`channels.code.${code}`) }) : outcome}
    </Text>
  );
}
