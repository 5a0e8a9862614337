import { Outlet } from "react-router";

import { Empty } from "../../app/Empty";
import { Page } from "../../app/Page";
import type { Key } from "../../i18n/en";
import { useI18n } from "../../i18n/useI18n";
import { isAuthor, isManager, isStaff, useMe } from "./me";

/** Tells everybody but registrars and managers, before the server has to, that this is not theirs. */
export function RequireStaff() {
  return isStaff(useMe()) ? <Outlet /> : <NotYours text="app.not_yours_text" />;
}

/** The same for everybody but managers. */
export function RequireManager() {
  return isManager(useMe()) ? <Outlet /> : <NotYours text="app.managers_only_text" />;
}

/** The same for students. */
export function RequireAuthor() {
  return isAuthor(useMe()) ? <Outlet /> : <NotYours text="app.authors_only_text" />;
}

function NotYours({ text }: { text: Key }) {
  const { t } = useI18n();
  return (
    <Page title={t("app.not_yours")}>
      <Empty title={t("app.not_yours")} text={t(text)} />
    </Page>
  );
}
