import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useNavigate, useParams } from "react-router";

import { asProblem } from "../../api/problem";
import type { Announcement } from "../../api/types";
import { ChangedMeanwhile } from "../../app/ChangedMeanwhile";
import { Empty } from "../../app/Empty";
import { moment } from "../../app/moments";
import { Page } from "../../app/Page";
import type { Option } from "../../app/SearchSelect";
import { Trouble } from "../../app/Trouble";
import { useNotice } from "../../app/useNotice";
import { Waiting } from "../../app/Waiting";
import { useWords } from "../../i18n/useWords";
import { AnnouncementForm } from "./AnnouncementForm";
import { usePreview, useSaveAnnouncement } from "./mutations";
import { Preview } from "./Preview";
import { announcementQuery } from "./queries";
import { audienceOf, changes, channelsToTell, fieldsOf, type AnnouncementFields } from "./rules";
import { useAudienceOptions } from "./useAudienceOptions";

/** Makes a new version of an announcement, after a look at it. */
export default function EditAnnouncementPage() {
  const { t } = useWords();
  const id = Number(useParams().id);
  // The form is made once from what was read; reading again under the writer's hands is no help.
  const announcement = useQuery({
    ...announcementQuery(id),
    staleTime: 0,
    refetchOnWindowFocus: false,
    refetchInterval: false,
  });
  const options = useAudienceOptions(announcement.data?.data.audience);

  if (announcement.isFetching || !options) return <Waiting />;
  if (!announcement.data) {
    return (
      <Page title={t("announcements.edit_title")}>
        <Trouble thrown={announcement.error} onRetry={() => void announcement.refetch()} />
      </Page>
    );
  }
  if (announcement.data.data.status === "withdrawn") {
    return (
      <Page title={t("announcements.edit_title")}>
        <Empty title={t("announcements.is_over")} text={t("announcements.is_over_text")} />
      </Page>
    );
  }
  return (
    <Edit
      key={announcement.dataUpdatedAt}
      announcement={announcement.data.data}
      etag={announcement.data.etag ?? "*"}
      options={options}
      onReload={() => void announcement.refetch()}
    />
  );
}

interface Props {
  announcement: Announcement;
  etag: string;
  options: Option[];
  onReload(): void;
}

function Edit({ announcement, etag, options, onReload }: Props) {
  const { t } = useWords();
  const navigate = useNavigate();
  const notice = useNotice();
  const saving = useSaveAnnouncement(announcement.id);
  const preview = usePreview();
  const [initial] = useState(() => fieldsOf(announcement, options));
  const [fields, setFields] = useState<AnnouncementFields>(initial);
  const outcome = useOutcome(announcement, fields);
  const changed = saving.isError && asProblem(saving.error).status === 412;
  const published = announcement.status === "published";
  const here = `/messages/announcements/${announcement.id}`;

  const show = (written: AnnouncementFields) => {
    setFields(written);
    saving.reset();
    preview.mutate({ audience: audienceOf(written), body: written.body });
  };
  const save = () =>
    saving.mutate(
      { ...changes(initial, fields, Date.now()), etag },
      {
        onSuccess: ({ data }) => {
          notice(t("announcements.is_saved", { title: data.title }));
          void navigate(here);
        },
      },
    );

  if (!preview.data) {
    return (
      <Page title={t("announcements.edit_title")}>
        <AnnouncementForm
          initial={fields}
          published={published}
          cancelTo={here}
          previewing={preview.isPending}
          failure={preview.error ?? saving.error}
          onPreview={show}
        />
      </Page>
    );
  }
  return (
    <Page key="preview" title={t("announcements.preview")} lead={t("announcements.preview_lead")}>
      <Preview
        fields={fields}
        found={preview.data}
        published={published}
        outcome={outcome}
        told={channelsToTell(initial, fields, published)}
        sendLabel={t("announcements.save")}
        sending={saving.isPending}
        onSend={save}
        onBack={() => preview.reset()}
      >
        {changed ? (
          <ChangedMeanwhile text={t("announcements.changed_text")} onReload={onReload} />
        ) : (
          saving.isError && <Trouble thrown={saving.error} />
        )}
      </Preview>
    </Page>
  );
}

/** Return what saving will do, in words. */
function useOutcome({ status }: Announcement, { later, publish_at, material }: AnnouncementFields) {
  const { t, dateTime } = useWords();
  if (status === "published") {
    return t(material ? "announcements.asks_again" : "announcements.asks_nobody");
  }
  const publishAt = later ? moment(publish_at) : null;
  return publishAt
    ? t("announcements.goes_at", { when: dateTime(publishAt) })
    : t("announcements.goes_now");
}
