import { useQuery } from "@tanstack/react-query";

import { useI18n } from "../../i18n/useI18n";
import { passwordRulesQuery } from "./queries";
import { breaksRules } from "./rules";

/** Return the check of a new password that a form makes before it sends anything. */
export function useNewPassword(): (password: string) => string | null {
  const { t, code } = useI18n();
  const rules = useQuery(passwordRulesQuery);
  return (password) => {
    if (!password) return code("field", "required");
    // Without the rules the server tells.
    return breaksRules(rules.data ?? [], password) ? t("passwords.unmet") : null;
  };
}
