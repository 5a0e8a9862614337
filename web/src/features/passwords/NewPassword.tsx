import { List, PasswordInput, Text, VisuallyHidden } from "@mantine/core";
import type { GetInputPropsReturnType } from "@mantine/form";
import { useQuery } from "@tanstack/react-query";

import { asProblem } from "../../api/problem";
import { CheckIcon, CrossIcon, DotIcon } from "../../app/icons";
import { useI18n } from "../../i18n/useI18n";
import { passwordRulesQuery } from "./queries";
import { verdict, type Verdict } from "./rules";

const ICONS: Record<Verdict, typeof CheckIcon> = {
  kept: CheckIcon,
  broken: CrossIcon,
  server: DotIcon,
};
const COLOURS: Record<Verdict, string> = {
  kept: "var(--mantine-color-teal-light-color)",
  broken: "var(--mantine-color-text)",
  server: "dimmed",
};

interface Props extends GetInputPropsReturnType {
  label: string;
  /** The answer to the last try, and the password that it was about. */
  failure: unknown;
  tried: string | undefined;
}

/** A field for a new password, with the school's rules below and which of them it keeps so far. */
export function NewPassword({ failure, tried, ...input }: Props) {
  const password = String(input.value);
  const refused =
    failure && tried === password ? asProblem(failure).fields.map((field) => field.code) : [];

  return (
    <PasswordInput
      {...input}
      autoComplete="new-password"
      required
      withAsterisk={false}
      aria-invalid={Boolean(input.error)}
      inputWrapperOrder={["label", "input", "error", "description"]}
      description={<Rules password={password} refused={refused} />}
      descriptionProps={{ component: "div" }}
    />
  );
}

function Rules({ password, refused }: { password: string; refused: string[] }) {
  const { t, code } = useI18n();
  const rules = useQuery(passwordRulesQuery);
  return (
    <List size="sm" spacing={4} listStyleType="none" ps={0} aria-label={t("passwords.rules")}>
      {rules.data?.map((rule) => {
        const found = verdict(rule, password, refused);
        const Icon = password ? ICONS[found] : DotIcon;
        return (
          <List.Item key={rule.code} icon={<Icon />} c={COLOURS[found]}>
            {code("rule", rule.code)}
            {found === "server" ? (
              <Text span inherit>
                {" "}
                {t("passwords.server")}
              </Text>
            ) : (
              <VisuallyHidden> {t(`passwords.${found}`)}</VisuallyHidden>
            )}
          </List.Item>
        );
      })}
    </List>
  );
}
