import { Anchor, Button } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { Link, useNavigate, useParams } from "react-router";

import { asProblem } from "../../api/problem";
import type { NewTerm, Term } from "../../api/types";
import { ChangedMeanwhile } from "../../app/ChangedMeanwhile";
import { Confirmation } from "../../app/Confirmation";
import { Page } from "../../app/Page";
import { Trouble } from "../../app/Trouble";
import { useNotice } from "../../app/useNotice";
import { Waiting } from "../../app/Waiting";
import { useI18n } from "../../i18n/useI18n";
import { useDeleteTerm, useSaveTerm } from "./mutations";
import { termQuery } from "./queries";
import { changes, fieldsOf } from "./rules";
import { TermForm } from "./TermForm";

/** One term, to change or to remove. */
export default function TermPage() {
  const { t } = useI18n();
  const id = Number(useParams().id);
  // The form is made once from what was read; reading again under the writer's hands is no help.
  const term = useQuery({ ...termQuery(id), refetchOnWindowFocus: false });
  const [reloads, setReloads] = useState(0);
  const [deleting, confirm] = useDisclosure(false);

  if (term.isPending) return <Waiting />;
  if (!term.data) {
    return (
      <Page title={t("terms.title")} lead={<Back />}>
        <Trouble thrown={term.error} onRetry={() => void term.refetch()} />
      </Page>
    );
  }
  const { data, etag } = term.data;
  const reload = async () => {
    confirm.close();
    await term.refetch();
    setReloads(reloads + 1);
  };
  return (
    <Page
      title={data.name}
      lead={<Back />}
      actions={
        <>
          <Button color="red" variant="light" onClick={confirm.open}>
            {t("terms.delete")}
          </Button>
          {deleting && (
            <DeleteTerm
              term={data}
              etag={etag ?? "*"}
              onReload={() => void reload()}
              onClose={confirm.close}
            />
          )}
        </>
      }
    >
      <Edit key={reloads} term={data} etag={etag ?? "*"} onReload={() => void reload()} />
    </Page>
  );
}

interface Props {
  term: Term;
  etag: string;
  onReload(): void;
}

function Edit({ term, etag, onReload }: Props) {
  const { t } = useI18n();
  const notice = useNotice();
  const saving = useSaveTerm(term.id);
  const [initial, setInitial] = useState(() => fieldsOf(term));
  const changed = saving.isError && asProblem(saving.error).status === 412;

  const save = (fields: NewTerm) =>
    saving.mutate(
      { ...changes(initial, fields), etag },
      {
        onSuccess: ({ data }) => {
          setInitial(fieldsOf(data));
          notice(t("terms.saved", { code: data.code }));
        },
      },
    );

  return (
    <TermForm
      initial={initial}
      submitLabel={t("terms.save")}
      saving={saving.isPending}
      failure={saving.error}
      onSave={save}
    >
      {changed && <ChangedMeanwhile text={t("terms.changed_text")} onReload={onReload} />}
    </TermForm>
  );
}

function DeleteTerm({ term, etag, onReload, onClose }: Props & { onClose(): void }) {
  const { t } = useI18n();
  const navigate = useNavigate();
  const notice = useNotice();
  const deletion = useDeleteTerm(term.id);
  const changed = deletion.isError && asProblem(deletion.error).status === 412;
  const remove = () =>
    deletion.mutate(etag, {
      onSuccess: () => {
        notice(t("terms.deleted", { code: term.code }));
        void navigate("/terms");
      },
    });
  return (
    <Confirmation
      title={t("terms.delete_title", { code: term.code })}
      text={t("terms.delete_text", { name: term.name })}
      action={t("terms.delete")}
      opened
      doing={deletion.isPending}
      disabled={changed}
      onConfirm={remove}
      onClose={onClose}
    >
      {changed ? (
        <ChangedMeanwhile text={t("terms.changed_text")} onReload={onReload} />
      ) : (
        deletion.isError && <Trouble thrown={deletion.error} />
      )}
    </Confirmation>
  );
}

function Back() {
  const { t } = useI18n();
  return (
    <Anchor component={Link} to="/terms" size="sm">
      ← {t("terms.back")}
    </Anchor>
  );
}
