import { Alert, Anchor, Stack, Text } from "@mantine/core";
import { useEffect, useState } from "react";
import { Link, useNavigate } from "react-router";

import { useI18n } from "../i18n/useI18n";
import { useSecondsUntil } from "./useSecondsUntil";

const WAIT_MILLISECONDS = 3_000;

interface Props {
  title: string;
  text: string;
  to: string;
  state?: unknown;
  label: string;
}

/** Says that something worked and leads on by itself in a moment, or at once for whoever wants. */
export function Onward({ title, text, to, state, label }: Props) {
  const { t } = useI18n();
  const navigate = useNavigate();
  const [end] = useState(() => Date.now() + WAIT_MILLISECONDS);
  const seconds = useSecondsUntil(end);

  useEffect(() => {
    if (seconds === 0) void navigate(to, { replace: true, state });
  }, [seconds, navigate, to, state]);

  return (
    <Alert color="teal" title={title} role="status">
      <Stack gap="xs" align="flex-start">
        <Text size="sm">{text}</Text>
        <Text size="sm" role="timer">
          {t("app.onward", { count: seconds })}
        </Text>
        <Anchor
          component={Link}
          to={to}
          state={state}
          replace
          size="sm"
          c="inherit"
          underline="always"
        >
          {label}
        </Anchor>
      </Stack>
    </Alert>
  );
}
