import { Anchor, Badge, Button, Group, Paper, Stack, Text } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { useQuery } from "@tanstack/react-query";
import { Link, useParams } from "react-router";

import { Page } from "../../app/Page";
import { Trouble } from "../../app/Trouble";
import { Waiting } from "../../app/Waiting";
import { useI18n } from "../../i18n/useI18n";
import { FilesOfCourse } from "../files/FilesOfCourse";
import { isStaff, useMe } from "../session/me";
import { DeleteCourse } from "./DeleteCourse";
import { courseQuery } from "./queries";

/** One course, to read, with its files; and the ways to change it, for those who may. */
export default function CoursePage() {
  const { t, credits, dateTime } = useI18n();
  const id = Number(useParams().id);
  const staff = isStaff(useMe());
  const course = useQuery(courseQuery(id));
  const [deleting, confirm] = useDisclosure(false);

  if (course.isPending) return <Waiting />;
  if (!course.data) {
    return (
      <Page title={t("courses.title")}>
        <Trouble thrown={course.error} onRetry={() => void course.refetch()} />
        <Back />
      </Page>
    );
  }
  const { data, etag } = course.data;
  return (
    <Page
      title={data.title}
      lead={<Back />}
      actions={
        staff && (
          <>
            <Button component={Link} to="edit" variant="default">
              {t("courses.edit")}
            </Button>
            <Button color="red" variant="light" onClick={confirm.open}>
              {t("courses.delete")}
            </Button>
            <DeleteCourse
              course={data}
              etag={etag ?? "*"}
              opened={deleting}
              onClose={confirm.close}
            />
          </>
        )
      }
    >
      <Paper withBorder p="lg">
        <Stack>
          <Group gap="lg">
            <Badge variant="default" size="lg" tt="none" ff="monospace">
              {data.code}
            </Badge>
            <Text size="sm">
              {t("courses.credits")}: {credits(data.credits)}
            </Text>
            <Text size="sm" c="dimmed">
              {t("courses.updated")}: {dateTime(data.updated_at)}
            </Text>
          </Group>
          {data.description ? (
            <Text className="keep-lines wrap-anywhere">{data.description}</Text>
          ) : (
            <Text c="dimmed">{t("courses.no_description")}</Text>
          )}
        </Stack>
      </Paper>
      <FilesOfCourse course={data.id} />
    </Page>
  );
}

function Back() {
  const { t } = useI18n();
  return (
    <Anchor component={Link} to="/courses" size="sm">
      ← {t("courses.back")}
    </Anchor>
  );
}
