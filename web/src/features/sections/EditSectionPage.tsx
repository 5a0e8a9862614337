import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useNavigate, useParams } from "react-router";

import { asProblem } from "../../api/problem";
import type { Section, Term } from "../../api/types";
import { ChangedMeanwhile } from "../../app/ChangedMeanwhile";
import { Empty } from "../../app/Empty";
import { Page } from "../../app/Page";
import { Trouble } from "../../app/Trouble";
import { useNotice } from "../../app/useNotice";
import { Waiting } from "../../app/Waiting";
import { useI18n } from "../../i18n/useI18n";
import { useMe } from "../session/me";
import { termsQuery } from "../terms/queries";
import { weeksIn } from "../terms/rules";
import { useSaveSection } from "./mutations";
import { sectionQuery } from "./queries";
import { changes, fieldsOf, LIMITS, mayEdit, nameOf, type SectionFields } from "./rules";
import { SectionForm } from "./SectionForm";

export default function EditSectionPage() {
  const { t } = useI18n();
  const me = useMe();
  const id = Number(useParams().id);
  // The form is made once from what was read; reading again under the writer's hands is no help.
  const section = useQuery({ ...sectionQuery(id), staleTime: 0, refetchOnWindowFocus: false });
  const terms = useQuery(termsQuery);

  if (section.isFetching || terms.isPending) return <Waiting />;
  return (
    <Page title={t("sections.edit_title")}>
      {!section.data || !terms.data ? (
        <Trouble
          thrown={section.error ?? terms.error}
          onRetry={() => void Promise.all([section.refetch(), terms.refetch()])}
        />
      ) : mayEdit(me, section.data.data) ? (
        <Edit
          key={section.dataUpdatedAt}
          section={section.data.data}
          etag={section.data.etag ?? "*"}
          terms={terms.data}
          onReload={() => void section.refetch()}
        />
      ) : (
        <Empty title={t("sections.not_yours")} text={t("sections.not_yours_text")} />
      )}
    </Page>
  );
}

interface Props {
  section: Section;
  etag: string;
  terms: Term[];
  onReload(): void;
}

function Edit({ section, etag, terms, onReload }: Props) {
  const { t } = useI18n();
  const navigate = useNavigate();
  const notice = useNotice();
  const saving = useSaveSection(section.id);
  const [initial] = useState(() => {
    const term = terms.find(({ code }) => code === section.term);
    return fieldsOf(section, term ? weeksIn(term) : LIMITS.weeks);
  });
  const changed = saving.isError && asProblem(saving.error).status === 412;

  const save = (fields: SectionFields, lastWeek: number, allow: boolean) =>
    saving.mutate(
      { ...changes(initial, fields, lastWeek), etag, allow },
      {
        onSuccess: ({ data }) => {
          notice(t("sections.saved", { name: nameOf(data) }));
          void navigate(`/sections/${section.id}`);
        },
      },
    );

  return (
    <SectionForm
      initial={initial}
      section={section}
      terms={terms}
      submitLabel={t("sections.save")}
      cancelTo={`/sections/${section.id}`}
      saving={saving.isPending}
      failure={saving.error}
      onSave={save}
    >
      {changed && <ChangedMeanwhile text={t("sections.changed_text")} onReload={onReload} />}
    </SectionForm>
  );
}
