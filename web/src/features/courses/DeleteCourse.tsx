import { useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "react-router";

import { asProblem } from "../../api/problem";
import type { Course } from "../../api/types";
import { ChangedMeanwhile } from "../../app/ChangedMeanwhile";
import { Confirmation } from "../../app/Confirmation";
import { Trouble } from "../../app/Trouble";
import { useNotice } from "../../app/useNotice";
import { useI18n } from "../../i18n/useI18n";
import { useDeleteCourse } from "./mutations";
import { courseQuery } from "./queries";

interface Props {
  course: Course;
  etag: string;
  opened: boolean;
  onClose(): void;
}

/** Asks before a course goes; what was changed since it was read is shown first. */
export function DeleteCourse({ course, etag, opened, onClose }: Props) {
  const { t } = useI18n();
  const navigate = useNavigate();
  const notice = useNotice();
  const queries = useQueryClient();
  const deletion = useDeleteCourse(course.id);
  const changed = deletion.isError && asProblem(deletion.error).status === 412;

  const close = () => {
    deletion.reset();
    onClose();
  };
  const remove = () =>
    deletion.mutate(etag, {
      onSuccess: () => {
        notice(t("courses.deleted", { code: course.code }));
        void navigate("/courses");
      },
    });
  const reload = () => {
    void queries.invalidateQueries(courseQuery(course.id));
    close();
  };

  return (
    <Confirmation
      title={t("courses.delete_title", { code: course.code })}
      text={t("courses.delete_text", { title: course.title })}
      action={t("courses.delete")}
      opened={opened}
      doing={deletion.isPending}
      disabled={changed}
      onConfirm={remove}
      onClose={close}
    >
      {changed ? (
        <ChangedMeanwhile text={t("courses.changed_text")} onReload={reload} />
      ) : (
        deletion.isError && <Trouble thrown={deletion.error} />
      )}
    </Confirmation>
  );
}
