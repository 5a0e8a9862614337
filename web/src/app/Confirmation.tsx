import { Button, Group, Stack, Text } from "@mantine/core";
import type { ReactNode } from "react";

import { useI18n } from "../i18n/useI18n";
import { Dialog, DialogTitle } from "./Dialog";

interface Props {
  title: string;
  text: string;
  /** What the button says that does it. */
  action: string;
  opened: boolean;
  doing: boolean;
  disabled?: boolean;
  onConfirm(): void;
  onClose(): void;
  /** What went wrong, between the text and the buttons. */
  children?: ReactNode;
}

/** Asks before something goes that does not come back. */
export function Confirmation(props: Props) {
  const { t } = useI18n();
  return (
    <Dialog opened={props.opened} onClose={props.onClose}>
      <Stack>
        <DialogTitle>{props.title}</DialogTitle>
        <Text className="wrap-anywhere">{props.text}</Text>
        {props.children}
        <Group justify="flex-end" gap="xs">
          <Button variant="default" onClick={props.onClose} data-autofocus>
            {t("app.cancel")}
          </Button>
          <Button
            color="red"
            loading={props.doing}
            disabled={props.disabled}
            onClick={props.onConfirm}
          >
            {props.action}
          </Button>
        </Group>
      </Stack>
    </Dialog>
  );
}
