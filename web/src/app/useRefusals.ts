import type { UseFormReturnType } from "@mantine/form";
import { useEffect, useMemo } from "react";

import { asProblem } from "../api/problem";
import { useI18n } from "../i18n/useI18n";
import { refusals, type Conflicts } from "./refusals";

const NO_CONFLICTS: Conflicts = {};

/**
 * Show what an answer refuses at its fields, and move the focus to the first of them. Returns what
 * is left to say for the form as a whole: the failure, or null when the fields say it.
 */
export function useRefusals<Values extends Record<string, unknown>>(
  form: UseFormReturnType<Values>,
  failure: unknown,
  conflicts = NO_CONFLICTS,
): unknown {
  const { code } = useI18n();
  const { setErrors, getInputNode } = form;
  const names = Object.keys(form.getValues());
  const refused = useMemo(
    () => (failure ? refusals(asProblem(failure), names, conflicts) : new Map<string, string[]>()),
    // eslint-disable-next-line react-hooks/exhaustive-deps -- the names of a form stay
    [failure, conflicts],
  );

  useEffect(() => {
    if (refused.size === 0) return;
    const sentences = [...refused].map(([name, codes]) => [
      name,
      codes.map((wrong) => code("field", wrong)).join(" "),
    ]);
    setErrors(Object.fromEntries(sentences));
    const order = (name: string) => names.indexOf(name.split(".")[0]!);
    const [first] = [...refused.keys()].sort((one, other) => order(one) - order(other));
    if (first) getInputNode(first)?.focus();
    // eslint-disable-next-line react-hooks/exhaustive-deps -- once for each failure
  }, [refused]);

  return refused.size > 0 ? null : failure;
}
