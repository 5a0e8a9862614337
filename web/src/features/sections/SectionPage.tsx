import { Anchor, Button, Group, Paper, Stack, Table, Text, Title } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate, useParams } from "react-router";

import { asProblem } from "../../api/problem";
import type { Section } from "../../api/types";
import { ChangedMeanwhile } from "../../app/ChangedMeanwhile";
import { Confirmation } from "../../app/Confirmation";
import { Page } from "../../app/Page";
import { Trouble } from "../../app/Trouble";
import { useNotice } from "../../app/useNotice";
import { Waiting } from "../../app/Waiting";
import { useI18n } from "../../i18n/useI18n";
import { OwnSeat } from "../rosters/OwnSeat";
import { Roster } from "../rosters/Roster";
import { isStaff, useMe } from "../session/me";
import { termsQuery } from "../terms/queries";
import { weeksIn } from "../terms/rules";
import { Conflicts, Warnings } from "./Conflicts";
import { useDeleteSection, useSaveSection } from "./mutations";
import { conflictsQuery, sectionQuery } from "./queries";
import { conflictsOf, formatWeeks, mayEdit, nameOf, nextStatus, periodsOf } from "./rules";
import { StatusBadge } from "./StatusBadge";

/** One section: what it is, when it meets, where it clashes, who is in it; and the ways to change it. */
export default function SectionPage() {
  const { t } = useI18n();
  const id = Number(useParams().id);
  const me = useMe();
  const section = useQuery(sectionQuery(id));

  if (section.isPending) return <Waiting />;
  if (!section.data) {
    return (
      <Page title={t("sections.title")} lead={<Back />}>
        <Trouble thrown={section.error} onRetry={() => void section.refetch()} />
      </Page>
    );
  }
  const { data, etag } = section.data;
  const edits = mayEdit(me, data);
  return (
    <Page
      title={nameOf(data)}
      lead={<Back />}
      actions={
        edits && (
          <>
            {data.status === "published" && (
              <Button
                component={Link}
                to={`/messages/announcements/new?section=${data.id}`}
                variant="default"
              >
                {t("sections.announce")}
              </Button>
            )}
            <Button component={Link} to="edit" variant="default">
              {t("sections.edit")}
            </Button>
            {isStaff(me) && <DeleteSection section={data} etag={etag ?? "*"} />}
          </>
        )
      }
    >
      <Facts section={data}>{edits && <Status section={data} etag={etag ?? "*"} />}</Facts>
      {edits && <Clashes section={data} />}
      {me.role === "student" && <OwnSeat section={data} />}
      {edits && <Roster section={data} />}
    </Page>
  );
}

function Facts({ section, children }: { section: Section; children: React.ReactNode }) {
  const { t, weekday } = useI18n();
  const terms = useQuery(termsQuery);
  const term = terms.data?.find(({ code }) => code === section.term);
  const weeks = (numbers: number[]) => {
    const text = formatWeeks(numbers, term ? weeksIn(term) : 0);
    return text === "all" || text === "odd" || text === "even"
      ? t(`sections.weeks_${text}`)
      : t("sections.weeks_of", { weeks: text.replaceAll("-", "–").replaceAll(",", ", ") });
  };
  return (
    <Paper withBorder p="lg">
      <Stack>
        <Group gap="xs">
          <StatusBadge status={section.status} />
          <Anchor component={Link} to={`/courses/${section.course.id}`} className="wrap-anywhere">
            {section.course.title}
          </Anchor>
        </Group>
        <Table variant="vertical" layout="fixed" withRowBorders={false}>
          <Table.Tbody>
            <Fact label={t("sections.term")}>{term?.name ?? section.term}</Fact>
            <Fact label={t("sections.teacher")}>
              {section.teacher
                ? section.teacher.full_name || section.teacher.username
                : t("sections.no_teacher")}
            </Fact>
            <Fact label={t("sections.seats")}>
              {t("sections.taken", { enrolled: section.enrolled, capacity: section.capacity })}
              {section.waitlisted > 0 &&
                ` · ${t("sections.waiting", { count: section.waitlisted })}`}
            </Fact>
          </Table.Tbody>
        </Table>
        <Title order={2} size="h4">
          {t("sections.meetings")}
        </Title>
        {section.meetings.length === 0 ? (
          <Text c="dimmed">{t("sections.no_meetings")}</Text>
        ) : (
          <Stack component="ul" gap={4} m={0} pl="lg">
            {section.meetings.map((meeting, index) => (
              <li key={index} className="wrap-anywhere">
                {t("sections.when", {
                  day: weekday(meeting.weekday),
                  periods: periodsOf(meeting),
                })}
                {" · "}
                {weeks(meeting.weeks)}
                {meeting.room && ` · ${meeting.room}`}
              </li>
            ))}
          </Stack>
        )}
        {children}
      </Stack>
    </Paper>
  );
}

function Fact({ label, children }: { label: string; children: React.ReactNode }) {
  return (
    <Table.Tr>
      <Table.Th w="7rem" scope="row">
        {label}
      </Table.Th>
      <Table.Td className="wrap-anywhere">{children}</Table.Td>
    </Table.Tr>
  );
}

/** The step to the next status, and what it means. */
function Status({ section, etag }: { section: Section; etag: string }) {
  const { t } = useI18n();
  const me = useMe();
  const notice = useNotice();
  const queries = useQueryClient();
  const saving = useSaveSection(section.id);
  const next = nextStatus(me, section);
  const conflicts = conflictsOf(saving.error);
  if (!next) return null;
  const step = section.status === "archived" ? "back" : next;
  const go = (allow: boolean) =>
    saving.mutate(
      { status: next, etag, allow },
      { onSuccess: () => notice(t(`sections.done.${step}`, { name: nameOf(section) })) },
    );
  return (
    <>
      {saving.isError &&
        (conflicts ? (
          <Conflicts conflicts={conflicts}>
            {isStaff(me) && (
              <Button size="xs" variant="default" onClick={() => go(true)}>
                {t("sections.save_anyway")}
              </Button>
            )}
          </Conflicts>
        ) : asProblem(saving.error).status === 412 ? (
          <ChangedMeanwhile
            text={t("sections.changed_text")}
            onReload={() => {
              saving.reset();
              void queries.invalidateQueries(sectionQuery(section.id));
            }}
          />
        ) : (
          <Trouble thrown={saving.error} />
        ))}
      <Group gap="sm">
        <Button
          variant={section.status === "draft" ? "filled" : "default"}
          loading={saving.isPending}
          onClick={() => go(false)}
        >
          {t(`sections.step.${step}`)}
        </Button>
        <Text size="sm" c="dimmed" flex="1 1 14rem">
          {t(`sections.step_text.${step}`)}
        </Text>
      </Group>
    </>
  );
}

function Clashes({ section }: { section: Section }) {
  const found = useQuery(conflictsQuery(section.id));
  if (found.isError) return <Trouble thrown={found.error} onRetry={() => void found.refetch()} />;
  if (!found.data) return null;
  return (
    <>
      {found.data.items.length > 0 && <Conflicts conflicts={found.data.items} />}
      {found.data.warnings.length > 0 && <Warnings warnings={found.data.warnings} />}
    </>
  );
}

function DeleteSection({ section, etag }: { section: Section; etag: string }) {
  const { t } = useI18n();
  const navigate = useNavigate();
  const notice = useNotice();
  const queries = useQueryClient();
  const deletion = useDeleteSection(section.id);
  const [asking, { open, close }] = useDisclosure(false);
  const changed = deletion.isError && asProblem(deletion.error).status === 412;
  const stop = () => {
    deletion.reset();
    close();
  };
  const remove = () =>
    deletion.mutate(etag, {
      onSuccess: () => {
        notice(t("sections.deleted", { name: nameOf(section) }));
        void navigate("/sections");
      },
    });
  return (
    <>
      <Button color="red" variant="light" onClick={open}>
        {t("sections.delete")}
      </Button>
      <Confirmation
        title={t("sections.delete_title", { name: nameOf(section) })}
        text={t("sections.delete_text")}
        action={t("sections.delete")}
        opened={asking}
        doing={deletion.isPending}
        disabled={changed}
        onConfirm={remove}
        onClose={stop}
      >
        {changed ? (
          <ChangedMeanwhile
            text={t("sections.changed_text")}
            onReload={() => {
              void queries.invalidateQueries(sectionQuery(section.id));
              stop();
            }}
          />
        ) : (
          deletion.isError && <Trouble thrown={deletion.error} />
        )}
      </Confirmation>
    </>
  );
}

function Back() {
  const { t } = useI18n();
  return (
    <Anchor component={Link} to="/sections" size="sm">
      ← {t("sections.back")}
    </Anchor>
  );
}
