import { Alert, Anchor } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { Link, useParams } from "react-router";

import { asProblem } from "../../api/problem";
import type { User } from "../../api/types";
import { ChangedMeanwhile } from "../../app/ChangedMeanwhile";
import { Page } from "../../app/Page";
import { Trouble } from "../../app/Trouble";
import { useNotice } from "../../app/useNotice";
import { Waiting } from "../../app/Waiting";
import { useI18n } from "../../i18n/useI18n";
import { Access } from "./Access";
import { EraseUser } from "./EraseUser";
import { useSaveUser } from "./mutations";
import { userQuery } from "./queries";
import { changes, fieldsOf, isErased, type UserFields } from "./rules";
import { StateBadge } from "./UserTable";
import { UserForm } from "./UserForm";

/** One user: what is known, whether there is a way in, and the end of it. */
export default function UserPage() {
  const { t } = useI18n();
  const id = Number(useParams().id);
  // The form is made once from what was read; reading again under the writer's hands is no help.
  const user = useQuery({ ...userQuery(id), refetchOnWindowFocus: false });
  const [reloads, setReloads] = useState(0);

  if (user.isPending) return <Waiting />;
  if (!user.data) {
    return (
      <Page title={t("users.title")} lead={<Back />}>
        <Trouble thrown={user.error} onRetry={() => void user.refetch()} />
      </Page>
    );
  }
  const { data, etag } = user.data;
  const reload = async () => {
    await user.refetch();
    setReloads(reloads + 1);
  };
  return (
    <Page title={data.username} lead={<Back />} actions={<StateBadge user={data} />}>
      {isErased(data) ? (
        <Alert color="gray">{t("users.erased_text")}</Alert>
      ) : (
        <>
          <Edit key={reloads} user={data} etag={etag ?? "*"} onReload={() => void reload()} />
          <Access user={data} etag={etag ?? "*"} onReload={() => void reload()} />
          <EraseUser user={data} />
        </>
      )}
    </Page>
  );
}

function Edit({ user, etag, onReload }: { user: User; etag: string; onReload(): void }) {
  const { t } = useI18n();
  const notice = useNotice();
  const saving = useSaveUser(user.id);
  const [initial, setInitial] = useState(() => fieldsOf(user));
  const changed = saving.isError && asProblem(saving.error).status === 412;

  const save = (fields: UserFields) =>
    saving.mutate(
      { ...changes(initial, fields), etag },
      {
        onSuccess: ({ data }) => {
          setInitial(fieldsOf(data));
          notice(t("users.saved", { name: data.username }));
        },
      },
    );

  return (
    <UserForm
      initial={initial}
      submitLabel={t("users.save")}
      saving={saving.isPending}
      failure={saving.error}
      onSave={save}
    >
      {changed && <ChangedMeanwhile text={t("users.changed_text")} onReload={onReload} />}
    </UserForm>
  );
}

function Back() {
  const { t } = useI18n();
  return (
    <Anchor component={Link} to="/users" size="sm">
      ← {t("users.back")}
    </Anchor>
  );
}
