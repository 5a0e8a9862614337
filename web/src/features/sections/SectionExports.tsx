import { Button, Menu } from "@mantine/core";

import type { SectionFilters } from "../../api/types";
import { DownloadIcon } from "../../app/icons";
import { useI18n } from "../../i18n/useI18n";
import type { useExport } from "../exports/useExport";

interface Props {
  filters: SectionFilters;
  exported: ReturnType<typeof useExport>;
}

/** Takes out the sections that are shown, their timetable, or who has a seat in them. */
export function SectionExports({ filters, exported }: Props) {
  const { t } = useI18n();
  const { course, term, teacher } = filters;
  return (
    <Menu position="bottom-end">
      <Menu.Target>
        <Button variant="default" leftSection={<DownloadIcon />} loading={exported.starting}>
          {t("exports.start")}
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        {(["sections", "timetable"] as const).map((kind) => (
          <Menu.Item
            key={kind}
            onClick={() => exported.start({ kind, filters, subject: t(`sections.export_${kind}`) })}
          >
            {t(`kind.${kind}`)}
          </Menu.Item>
        ))}
        {/* A search and a status would be those of students here, not of sections. */}
        <Menu.Item
          onClick={() =>
            exported.start({
              kind: "enrollments",
              filters: { course, term, teacher },
              subject: t("sections.export_enrollments"),
            })
          }
        >
          {t("kind.enrollments")}
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}
