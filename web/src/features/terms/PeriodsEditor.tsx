import { Button, Fieldset, Group, NumberInput, Stack, Text, TextInput } from "@mantine/core";
import type { UseFormReturnType } from "@mantine/form";

import { useI18n } from "../../i18n/useI18n";
import { LIMITS, nextPeriod, type TermFields } from "./rules";

/** The grid of a term's day: which period is when. */
export function PeriodsEditor({ form }: { form: UseFormReturnType<TermFields> }) {
  const { t } = useI18n();
  const { periods } = form.values;
  return (
    <Fieldset legend={t("terms.periods")}>
      <Stack gap="sm">
        <Text size="sm" c="dimmed">
          {t("terms.periods_hint")}
        </Text>
        {form.errors.periods && (
          <Text size="sm" c="red" role="alert">
            {form.errors.periods}
          </Text>
        )}
        {periods.map((period, index) => (
          <Group
            key={index}
            gap="xs"
            align="flex-start"
            role="group"
            aria-label={t("terms.period_named", { number: String(period.number) })}
          >
            <NumberInput
              aria-label={t("terms.period_number")}
              w={72}
              min={1}
              max={LIMITS.period}
              allowDecimal={false}
              clampBehavior="none"
              hideControls
              {...form.getInputProps(`periods.${index}.number`)}
            />
            {(["starts_at", "ends_at"] as const).map((name) => (
              <TextInput
                key={name}
                type="time"
                aria-label={t(`terms.period_${name}`)}
                w={120}
                {...form.getInputProps(`periods.${index}.${name}`)}
              />
            ))}
            <Button
              variant="subtle"
              color="red"
              size="compact-sm"
              mt={6}
              aria-label={t("terms.period_remove", { number: String(period.number) })}
              onClick={() => form.removeListItem("periods", index)}
            >
              {t("files.remove")}
            </Button>
          </Group>
        ))}
        <Group>
          <Button
            variant="default"
            size="xs"
            disabled={periods.length >= LIMITS.periods}
            onClick={() => form.insertListItem("periods", nextPeriod(periods))}
          >
            {t("terms.period_add")}
          </Button>
        </Group>
      </Stack>
    </Fieldset>
  );
}
