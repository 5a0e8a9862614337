import { Button, Group } from "@mantine/core";
import { Link } from "react-router";

import { useI18n } from "../i18n/useI18n";

interface FormButtonsProps {
  label: string;
  busy: boolean;
  cancelTo: string;
  /** The id of the form, where the buttons stand outside of it. */
  form?: string;
}

/** What a form ends with: the button that sends it, and the way out. */
export function FormButtons({ label, busy, cancelTo, form }: FormButtonsProps) {
  const { t } = useI18n();
  return (
    <Group gap="xs">
      <Button type="submit" form={form} loading={busy}>
        {label}
      </Button>
      <Button component={Link} to={cancelTo} variant="default">
        {t("app.cancel")}
      </Button>
    </Group>
  );
}
