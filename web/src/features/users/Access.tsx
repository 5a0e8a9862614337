import { Button, Group, Paper, Stack, Text, Title } from "@mantine/core";

import { asProblem } from "../../api/problem";
import type { User } from "../../api/types";
import { ChangedMeanwhile } from "../../app/ChangedMeanwhile";
import { Trouble } from "../../app/Trouble";
import { useNotice } from "../../app/useNotice";
import { useI18n } from "../../i18n/useI18n";
import { useDeactivateUser, useInviteUser, useSaveUser } from "./mutations";

interface Props {
  user: User;
  etag: string;
  onReload(): void;
}

/** The way in: the link that sets a password, and whether there is a way in at all. */
export function Access({ user, etag, onReload }: Props) {
  const { t } = useI18n();
  const notice = useNotice();
  const invitation = useInviteUser(user.id);
  const deactivation = useDeactivateUser(user.id);
  const reactivation = useSaveUser(user.id);
  const switching = user.active ? deactivation : reactivation;
  const done = (key: "users.invited" | "users.deactivated" | "users.reactivated") => ({
    onSuccess: () => notice(t(key, { name: user.username })),
  });

  return (
    <Paper component="section" withBorder p="lg" aria-labelledby="access">
      <Stack maw={520}>
        <Title order={2} size="h4" id="access">
          {t("users.access")}
        </Title>
        <Text size="sm">{t(user.active ? "users.active_text" : "users.inactive_text")}</Text>
        {invitation.isError && <Trouble thrown={invitation.error} />}
        {switching.isError &&
          (asProblem(switching.error).status === 412 ? (
            <ChangedMeanwhile
              text={t("users.changed_text")}
              onReload={() => {
                switching.reset();
                onReload();
              }}
            />
          ) : (
            <Trouble thrown={switching.error} />
          ))}
        <Group gap="xs">
          {user.active ? (
            <>
              <Button
                variant="default"
                loading={invitation.isPending}
                onClick={() => invitation.mutate(undefined, done("users.invited"))}
              >
                {t("users.invite")}
              </Button>
              <Button
                variant="light"
                color="red"
                loading={deactivation.isPending}
                onClick={() => deactivation.mutate(etag, done("users.deactivated"))}
              >
                {t("users.deactivate")}
              </Button>
            </>
          ) : (
            <Button
              variant="light"
              loading={reactivation.isPending}
              onClick={() => reactivation.mutate({ active: true, etag }, done("users.reactivated"))}
            >
              {t("users.reactivate")}
            </Button>
          )}
        </Group>
      </Stack>
    </Paper>
  );
}
