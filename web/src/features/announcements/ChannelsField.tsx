import { MultiSelect } from "@mantine/core";
import type { UseFormReturnType } from "@mantine/form";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";

import { Trouble } from "../../app/Trouble";
import { useWords } from "../../i18n/useWords";
import { channelChoiceQuery } from "../channels/queries";
import { isStaff, useMe } from "../session/me";
import { channelOptions, LIMITS, type AnnouncementFields } from "./rules";

interface Props {
  form: UseFormReturnType<AnnouncementFields>;
  published: boolean;
}

/** Chooses where an announcement is posted besides; for the office, where there is any channel. */
export function ChannelsField({ form, published }: Props) {
  const { t } = useWords();
  const office = isStaff(useMe());
  const usable = useQuery({ ...channelChoiceQuery(), enabled: office });
  const [before] = useState(form.values.channels);

  if (!office) return null;
  if (usable.isError) {
    return <Trouble thrown={usable.error} onRetry={() => void usable.refetch()} />;
  }
  const options = channelOptions(before, usable.data ?? []);
  if (options.length === 0) return null;
  return (
    <MultiSelect
      label={t("announcements.channels")}
      description={t(
        published ? "announcements.channels_hint_published" : "announcements.channels_hint",
      )}
      maw="32rem"
      data={options}
      maxValues={LIMITS.channels}
      searchable
      hidePickedOptions
      nothingFoundMessage={t("app.nothing_found")}
      {...form.getInputProps("channels")}
      value={form.values.channels.map(({ value }) => value)}
      onChange={(values) =>
        form.setFieldValue(
          "channels",
          options.filter(({ value }) => values.includes(value)),
        )
      }
      // Within the page's landmark, and the list itself is what scrolls.
      comboboxProps={{ withinPortal: false }}
      withScrollArea={false}
      styles={{ options: { maxHeight: 240, overflowY: "auto" } }}
    />
  );
}
