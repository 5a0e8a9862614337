import { Button, Group, Stack } from "@mantine/core";
import { useState } from "react";

import { asProblem } from "../../api/problem";
import type { Section } from "../../api/types";
import { SearchSelect } from "../../app/SearchSelect";
import { Trouble } from "../../app/Trouble";
import { useNotice } from "../../app/useNotice";
import { useI18n } from "../../i18n/useI18n";
import { findStudents } from "../people/queries";
import { useEnroll } from "./queries";

/** Puts a student into a section. */
export function EnrollStudent({ section }: { section: Section }) {
  const { t } = useI18n();
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
          <Button type="submit" mt="1.55rem" loading={enrolling.isPending} disabled={!student}>
            {t("rosters.enrol")}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
