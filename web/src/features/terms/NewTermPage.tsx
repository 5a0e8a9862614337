import { useNavigate } from "react-router";

import type { NewTerm } from "../../api/types";
import { Page } from "../../app/Page";
import { useNotice } from "../../app/useNotice";
import { useI18n } from "../../i18n/useI18n";
import { useCreateTerm } from "./mutations";
import { TermForm } from "./TermForm";

export default function NewTermPage() {
  const { t } = useI18n();
  const navigate = useNavigate();
  const notice = useNotice();
  const creation = useCreateTerm();

  const create = (fields: NewTerm) =>
    creation.mutate(fields, {
      onSuccess: (term) => {
        notice(t("terms.created", { code: term.code }));
        void navigate("/terms");
      },
    });

  return (
    <Page title={t("terms.new")}>
      <TermForm
        initial={{
          code: "",
          name: "",
          starts_on: "",
          ends_on: "",
          timezone: Intl.DateTimeFormat().resolvedOptions().timeZone,
          periods: [],
        }}
        submitLabel={t("terms.create")}
        saving={creation.isPending}
        failure={creation.error}
        onSave={create}
      />
    </Page>
  );
}
