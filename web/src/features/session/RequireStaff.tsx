import { Outlet } from "react-router";

import { Empty } from "../../app/Empty";
import { Page } from "../../app/Page";
import { useI18n } from "../../i18n/useI18n";
import { isStaff, useMe } from "./me";

/** Tells everybody but registrars and managers, before the server has to, that this is not theirs. */
export function RequireStaff() {
  const { t } = useI18n();
  if (isStaff(useMe())) return <Outlet />;
  return (
    <Page title={t("app.not_yours")}>
      <Empty title={t("app.not_yours")} text={t("app.not_yours_text")} />
    </Page>
  );
}
