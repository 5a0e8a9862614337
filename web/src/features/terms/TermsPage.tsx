import { Anchor, Button, Paper, Table, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link } from "react-router";

import { Empty } from "../../app/Empty";
import { Page } from "../../app/Page";
import { Trouble } from "../../app/Trouble";
import { Waiting } from "../../app/Waiting";
import { useI18n } from "../../i18n/useI18n";
import { termsQuery } from "./queries";
import { weeksIn } from "./rules";

/** The terms, the latest first. */
export default function TermsPage() {
  const { t, day } = useI18n();
  const terms = useQuery(termsQuery);

  return (
    <Page
      title={t("terms.title")}
      lead={t("terms.lead")}
      actions={
        <Button component={Link} to="/terms/new">
          {t("terms.new")}
        </Button>
      }
    >
      {terms.isPending ? (
        <Waiting />
      ) : !terms.data ? (
        <Trouble thrown={terms.error} onRetry={() => void terms.refetch()} />
      ) : terms.data.length === 0 ? (
        <Empty title={t("terms.none")} text={t("terms.none_text")} />
      ) : (
        <Paper withBorder>
          <Table verticalSpacing="sm" horizontalSpacing="md" className="in-blocks">
            <Table.Thead>
              <Table.Tr>
                <Table.Th>{t("terms.term")}</Table.Th>
                <Table.Th>{t("terms.days")}</Table.Th>
                <Table.Th>{t("terms.timezone")}</Table.Th>
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {terms.data.map((term) => (
                <Table.Tr key={term.id}>
                  <Table.Td className="wrap-anywhere">
                    <Anchor component={Link} size="sm" to={`/terms/${term.id}`}>
                      {term.name}
                    </Anchor>
                    <Text size="sm" c="dimmed" ff="monospace">
                      {term.code}
                    </Text>
                  </Table.Td>
                  <Table.Td>
                    {day(term.starts_on)} – {day(term.ends_on)}
                    <Text size="sm" c="dimmed">
                      {t("terms.weeks", { count: weeksIn(term) })}
                    </Text>
                  </Table.Td>
                  <Table.Td>
                    {term.timezone}
                    <Text size="sm" c="dimmed">
                      {t("terms.period_count", { count: term.periods.length })}
                    </Text>
                  </Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </Paper>
      )}
    </Page>
  );
}
