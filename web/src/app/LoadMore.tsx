import { Button, Group, Text } from "@mantine/core";

import { useI18n } from "../i18n/useI18n";

interface Props {
  shown: number;
  hasMore: boolean;
  loading: boolean;
  onMore(): void;
}

/** The foot of a list that is read page by page. */
export function LoadMore({ shown, hasMore, loading, onMore }: Props) {
  const { t } = useI18n();
  return (
    <Group justify="space-between">
      <Text size="sm" c="dimmed" role="status">
        {t("app.shown", { count: shown })}
      </Text>
      {hasMore && (
        <Button variant="default" loading={loading} onClick={onMore}>
          {t("app.load_more")}
        </Button>
      )}
    </Group>
  );
}
