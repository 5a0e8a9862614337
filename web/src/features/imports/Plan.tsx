import { Button, Group, NativeSelect, Paper, Stack, Text, Title } from "@mantine/core";
import { useInfiniteQuery, useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { useNavigate } from "react-router";

import { answered, api } from "../../api/client";
import type { Outcome, Task } from "../../api/types";
import { LoadMore } from "../../app/LoadMore";
import { Trouble } from "../../app/Trouble";
import { Waiting } from "../../app/Waiting";
import { useI18n } from "../../i18n/useI18n";
import { planQuery } from "../tasks/queries";
import { planHash, type ImportCounts } from "../tasks/rules";
import { kindOf } from "./kinds";
import { PlanTable } from "./PlanTable";

const OUTCOMES = ["created", "updated", "unchanged", "failed"] as const;

/** What an import would do, row by row, and the button that does it. */
export default function Plan({ task, counts }: { task: Task; counts: ImportCounts }) {
  const { t, number } = useI18n();
  const [outcome, setOutcome] = useState<Outcome | "all">("all");
  const rows = useInfiniteQuery(planQuery(task.id, outcome));
  const items = rows.data?.pages.flatMap((page) => page.items) ?? [];
  const changes = counts.created + counts.updated > 0;

  return (
    <Stack>
      {changes ? <Apply task={task} /> : <Text>{t("plan.nothing")}</Text>}
      <Group justify="space-between" align="flex-end">
        <Title order={2} size="h3">
          {t("plan.title")}
        </Title>
        <NativeSelect
          label={t("plan.filter")}
          value={outcome}
          onChange={(event) => setOutcome(event.currentTarget.value as Outcome | "all")}
          data={[
            { value: "all", label: `${t("plan.all")} (${number(counts.total)})` },
            ...OUTCOMES.map((value) => ({
              value,
              label: `${t(`outcome.${value}`)} (${number(counts[value])})`,
            })),
          ]}
        />
      </Group>
      {rows.isPending ? (
        <Waiting />
      ) : rows.isError && items.length === 0 ? (
        <Trouble thrown={rows.error} onRetry={() => void rows.refetch()} />
      ) : items.length === 0 ? (
        <Text c="dimmed">{t("plan.none")}</Text>
      ) : (
        <>
          <Paper withBorder className={rows.isPlaceholderData ? "stale" : undefined}>
            <PlanTable rows={items} kind={kindOf(task)} />
          </Paper>
          <LoadMore
            shown={items.length}
            hasMore={rows.hasNextPage}
            loading={rows.isFetchingNextPage}
            onMore={() => void rows.fetchNextPage()}
          />
        </>
      )}
    </Stack>
  );
}

function Apply({ task }: { task: Task }) {
  const { t } = useI18n();
  const navigate = useNavigate();
  const apply = useMutation({
    mutationFn: (hash: string) =>
      answered(
        api.POST("/api/tasks/{id}/apply", {
          params: { path: { id: task.id } },
          body: { plan_hash: hash },
        }),
      ),
    onSuccess: ({ task_id }) => navigate(`/tasks/${task_id}`),
  });
  const hash = planHash(task);
  return (
    <Stack gap="sm" align="flex-start">
      {apply.isError && <Trouble thrown={apply.error} />}
      <Button
        loading={apply.isPending}
        disabled={hash === null}
        onClick={() => hash && apply.mutate(hash)}
      >
        {t("plan.apply")}
      </Button>
    </Stack>
  );
}
