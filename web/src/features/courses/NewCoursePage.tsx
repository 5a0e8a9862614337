import { useNavigate } from "react-router";

import type { CourseFields } from "../../api/types";
import { Page } from "../../app/Page";
import { useNotice } from "../../app/useNotice";
import { useI18n } from "../../i18n/useI18n";
import { CourseForm } from "./CourseForm";
import { useCreateCourse } from "./mutations";
import { NEW_COURSE } from "./rules";

export default function NewCoursePage() {
  const { t } = useI18n();
  const navigate = useNavigate();
  const notice = useNotice();
  const creation = useCreateCourse();

  const create = (fields: CourseFields) =>
    creation.mutate(fields, {
      onSuccess: (course) => {
        notice(t("courses.created", { code: course.code }));
        void navigate(`/courses/${course.id}`);
      },
    });

  return (
    <Page title={t("courses.new")}>
      <CourseForm
        initial={NEW_COURSE}
        submitLabel={t("courses.create")}
        cancelTo="/courses"
        saving={creation.isPending}
        failure={creation.error}
        onSave={create}
      />
    </Page>
  );
}
