import { Alert, Button, Stack, Text } from "@mantine/core";
import type { ReactNode } from "react";

import { asProblem } from "../api/problem";
import { useI18n } from "../i18n/useI18n";
import { useSecondsUntil } from "./useSecondsUntil";

interface Props {
  thrown: unknown;
  title?: string;
  onRetry?: () => void;
  children?: ReactNode;
}

/** A failure in the reader's language, with the request's id for whoever is asked for help. */
export function Trouble({ thrown, title, onRetry, children }: Props) {
  const { t, code } = useI18n();
  const problem = asProblem(thrown);
  return (
    <Alert role="alert" color="red" title={title ?? t("error.title")}>
      <Stack gap="xs" align="flex-start">
        <Text size="sm">{code("error", problem.code)}</Text>
        {problem.status === 429 && problem.retryAt && <Wait until={problem.retryAt} />}
        {problem.requestId && problem.status >= 500 && (
          <Text size="xs" ff="monospace" className="wrap-anywhere">
            {t("app.request_id", { id: problem.requestId })}
          </Text>
        )}
        {onRetry && (
          <Button size="xs" variant="default" onClick={onRetry}>
            {t("app.retry")}
          </Button>
        )}
        {children}
      </Stack>
    </Alert>
  );
}

/** How long the server asks to wait; a timer is not read out with every second. */
function Wait({ until }: { until: number }) {
  const { t, duration } = useI18n();
  const seconds = useSecondsUntil(until);
  return (
    <Text size="sm" role="timer">
      {seconds > 0 ? t("app.wait", { time: duration(seconds) }) : t("app.wait_over")}
    </Text>
  );
}
