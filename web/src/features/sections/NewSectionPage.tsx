import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "react-router";

import { Page } from "../../app/Page";
import { Trouble } from "../../app/Trouble";
import { useNotice } from "../../app/useNotice";
import { Waiting } from "../../app/Waiting";
import { useI18n } from "../../i18n/useI18n";
import { termsQuery } from "../terms/queries";
import { useCreateSection } from "./mutations";
import { bodyOf, nameOf, type SectionFields } from "./rules";
import { SectionForm } from "./SectionForm";

const NEW_SECTION: SectionFields = {
  course_id: null,
  term: "",
  section_code: "",
  teacher_id: null,
  capacity: 50,
  meetings: [],
};

export default function NewSectionPage() {
  const { t } = useI18n();
  const navigate = useNavigate();
  const notice = useNotice();
  const creation = useCreateSection();
  const terms = useQuery(termsQuery);

  const create = (fields: SectionFields, lastWeek: number, allow: boolean) =>
    creation.mutate(
      { ...bodyOf(fields, lastWeek), status: "draft", allow },
      {
        onSuccess: (section) => {
          notice(t("sections.created", { name: nameOf(section) }));
          void navigate(`/sections/${section.id}`);
        },
      },
    );

  if (terms.isPending) return <Waiting />;
  return (
    <Page title={t("sections.new")} lead={t("sections.new_lead")}>
      {terms.data ? (
        <SectionForm
          initial={{ ...NEW_SECTION, term: terms.data[0]?.code ?? "" }}
          terms={terms.data}
          submitLabel={t("sections.create")}
          cancelTo="/sections"
          saving={creation.isPending}
          failure={creation.error}
          onSave={create}
        />
      ) : (
        <Trouble thrown={terms.error} onRetry={() => void terms.refetch()} />
      )}
    </Page>
  );
}
