import { Button, Group, NumberInput, Stack } from "@mantine/core";
import { useState } from "react";

import { asProblem } from "../../api/problem";
import type { Section } from "../../api/types";
import { SearchSelect } from "../../app/SearchSelect";
import { Trouble } from "../../app/Trouble";
import { useNotice } from "../../app/useNotice";
import { useI18n } from "../../i18n/useI18n";
import { findStudents } from "../people/queries";
import { isManager, useMe } from "../session/me";
import { useEnroll } from "./queries";

/** Puts a student into a section: managers search for the name, registrars know the number. */
export function EnrollStudent({ section }: { section: Section }) {
  const { t } = useI18n();
  const searches = isManager(useMe());
  const notice = useNotice();
  const enrolling = useEnroll(section.id);
  const [student, setStudent] = useState<string | null>(null);
  const unknown =
    enrolling.isError && asProblem(enrolling.error).fields.some(({ field }) => field === "user_id");
  const error = unknown && t("rosters.no_such_student");

  const enroll = () =>
    enrolling.mutate(Number(student), {
      onSuccess: ({ user, status, position }) => {
        setStudent(null);
        notice(
          status === "enrolled"
            ? t("rosters.is_in", { name: user.username })
            : t("rosters.waits", { name: user.username, position: position ?? 0 }),
        );
      },
    });

  return (
    <form
      noValidate
      aria-label={t("rosters.enrol_student")}
      onSubmit={(event) => {
        event.preventDefault();
        if (student) enroll();
      }}
    >
      <Stack gap="sm">
        {enrolling.isError && !unknown && <Trouble thrown={enrolling.error} />}
        <Group align="flex-start" gap="sm">
          {searches ? (
            <SearchSelect
              label={t("rosters.student")}
              placeholder={t("rosters.student_hint")}
              flex="1 1 14rem"
              maw="24rem"
              value={student}
              error={error}
              searchKey={["people", "students"]}
              search={findStudents}
              onChange={setStudent}
            />
          ) : (
            <NumberInput
              label={t("rosters.number")}
              description={t("rosters.number_hint")}
              inputWrapperOrder={["label", "input", "description", "error"]}
              flex="1 1 14rem"
              maw="24rem"
              min={1}
              max={Number.MAX_SAFE_INTEGER}
              allowDecimal={false}
              allowNegative={false}
              hideControls
              value={student ?? ""}
              error={error}
              onChange={(value) => setStudent(value ? String(value) : null)}
            />
          )}
          <Button type="submit" mt="1.55rem" loading={enrolling.isPending} disabled={!student}>
            {t("rosters.enrol")}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
