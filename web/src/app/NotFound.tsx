import { Button } from "@mantine/core";
import { Link } from "react-router";

import { useI18n } from "../i18n/useI18n";
import { Empty } from "./Empty";
import { Page } from "./Page";

export function NotFound() {
  const { t } = useI18n();
  return (
    <Page title="404">
      <Empty title={t("app.not_found")} text={t("app.not_found_text")}>
        <Button component={Link} to="/" variant="default" mt="sm">
          {t("app.go_home")}
        </Button>
      </Empty>
    </Page>
  );
}
