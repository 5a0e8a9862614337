import { Button, Group, Paper, Stack, Text, TextInput, Title } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { useState } from "react";
import { useNavigate } from "react-router";

import type { User } from "../../api/types";
import { Dialog, DialogTitle } from "../../app/Dialog";
import { Trouble } from "../../app/Trouble";
import { useNotice } from "../../app/useNotice";
import { useI18n } from "../../i18n/useI18n";
import { useEraseUser } from "./mutations";

/** Takes from an account all that tells whose it was; asks for the name to be typed first. */
export function EraseUser({ user }: { user: User }) {
  const { t } = useI18n();
  const [asking, { open, close }] = useDisclosure(false);
  return (
    <Paper component="section" withBorder p="lg" aria-labelledby="erase">
      <Stack maw={520} align="flex-start">
        <Title order={2} size="h4" id="erase">
          {t("users.erase_title")}
        </Title>
        <Text size="sm">{t("users.erase_text")}</Text>
        <Button variant="light" color="red" onClick={open}>
          {t("users.erase")}
        </Button>
      </Stack>
      <Dialog opened={asking} onClose={close}>
        <Erasure user={user} onCancel={close} />
      </Dialog>
    </Paper>
  );
}

function Erasure({ user, onCancel }: { user: User; onCancel(): void }) {
  const { t } = useI18n();
  const navigate = useNavigate();
  const notice = useNotice();
  const erasure = useEraseUser(user.id);
  const [typed, setTyped] = useState("");

  const erase = () =>
    erasure.mutate(undefined, {
      onSuccess: () => {
        notice(t("users.erased", { name: user.username }));
        void navigate("/users");
      },
    });

  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        if (typed.trim() === user.username) erase();
      }}
    >
      <Stack>
        <DialogTitle>{t("users.erase_ask", { name: user.username })}</DialogTitle>
        <Text>{t("users.erase_warning")}</Text>
        {erasure.isError && <Trouble thrown={erasure.error} />}
        <TextInput
          label={t("users.erase_type", { name: user.username })}
          autoComplete="off"
          autoCapitalize="none"
          spellCheck={false}
          data-autofocus
          value={typed}
          onChange={(event) => setTyped(event.currentTarget.value)}
        />
        <Group justify="flex-end" gap="xs">
          <Button variant="default" onClick={onCancel}>
            {t("app.cancel")}
          </Button>
          <Button
            type="submit"
            color="red"
            loading={erasure.isPending}
            disabled={typed.trim() !== user.username}
          >
            {t("users.erase")}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
