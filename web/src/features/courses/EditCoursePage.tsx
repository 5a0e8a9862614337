import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useNavigate, useParams } from "react-router";

import { asProblem } from "../../api/problem";
import type { Course, CourseFields } from "../../api/types";
import { ChangedMeanwhile } from "../../app/ChangedMeanwhile";
import { Page } from "../../app/Page";
import { Trouble } from "../../app/Trouble";
import { useNotice } from "../../app/useNotice";
import { Waiting } from "../../app/Waiting";
import { useI18n } from "../../i18n/useI18n";
import { CourseForm } from "./CourseForm";
import { useSaveCourse } from "./mutations";
import { courseQuery } from "./queries";
import { changes, fieldsOf } from "./rules";

export default function EditCoursePage() {
  const { t } = useI18n();
  const id = Number(useParams().id);
  // The form is made once from what was read; reading again under the writer's hands is no help.
  const course = useQuery({ ...courseQuery(id), staleTime: 0, refetchOnWindowFocus: false });

  if (course.isFetching) return <Waiting />;
  return (
    <Page title={t("courses.edit_title")}>
      {course.data ? (
        <Edit
          key={course.dataUpdatedAt}
          course={course.data.data}
          etag={course.data.etag ?? "*"}
          onReload={() => void course.refetch()}
        />
      ) : (
        <Trouble thrown={course.error} onRetry={() => void course.refetch()} />
      )}
    </Page>
  );
}

function Edit({ course, etag, onReload }: { course: Course; etag: string; onReload(): void }) {
  const { t } = useI18n();
  const navigate = useNavigate();
  const notice = useNotice();
  const saving = useSaveCourse(course.id);
  const [initial] = useState(() => fieldsOf(course));
  const changed = saving.isError && asProblem(saving.error).status === 412;

  const save = (fields: CourseFields) =>
    saving.mutate(
      { ...changes(initial, fields), etag },
      {
        onSuccess: ({ data }) => {
          notice(t("courses.saved", { code: data.code }));
          void navigate(`/courses/${course.id}`);
        },
      },
    );

  return (
    <CourseForm
      initial={initial}
      submitLabel={t("courses.save")}
      cancelTo={`/courses/${course.id}`}
      saving={saving.isPending}
      failure={saving.error}
      onSave={save}
    >
      {changed && <ChangedMeanwhile text={t("courses.changed_text")} onReload={onReload} />}
    </CourseForm>
  );
}
