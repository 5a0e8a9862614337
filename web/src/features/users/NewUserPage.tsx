import { useNavigate } from "react-router";

import { Page } from "../../app/Page";
import { useNotice } from "../../app/useNotice";
import { useI18n } from "../../i18n/useI18n";
import { useCreateUser } from "./mutations";
import { NEW_USER, type UserFields } from "./rules";
import { UserForm } from "./UserForm";

export default function NewUserPage() {
  const { t, locale } = useI18n();
  const navigate = useNavigate();
  const notice = useNotice();
  const creation = useCreateUser();

  const create = (fields: UserFields) =>
    creation.mutate(fields, {
      onSuccess: (user) => {
        notice(t("users.created", { name: user.username }));
        void navigate(`/users/${user.id}`);
      },
    });

  return (
    <Page title={t("users.new")} lead={t("users.new_lead")}>
      <UserForm
        initial={{ ...NEW_USER, locale }}
        isNew
        submitLabel={t("users.create")}
        saving={creation.isPending}
        failure={creation.error}
        onSave={create}
      />
    </Page>
  );
}
