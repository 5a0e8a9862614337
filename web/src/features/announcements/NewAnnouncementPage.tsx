import { useState } from "react";
import { useNavigate, useSearchParams } from "react-router";

import { Page } from "../../app/Page";
import { Trouble } from "../../app/Trouble";
import { moment } from "../../app/moments";
import { useNotice } from "../../app/useNotice";
import { Waiting } from "../../app/Waiting";
import { useWords } from "../../i18n/useWords";
import { AnnouncementForm } from "./AnnouncementForm";
import { useCreateAnnouncement, usePreview } from "./mutations";
import { Preview } from "./Preview";
import {
  audienceOf,
  bodyOf,
  forSections,
  NEW_ANNOUNCEMENT,
  type AnnouncementFields,
} from "./rules";
import { useAudienceOptions } from "./useAudienceOptions";

/** Writes an announcement; the address may name the section that it is for. */
export default function NewAnnouncementPage() {
  const [search] = useSearchParams();
  const section = Number(search.get("section"));
  const options = useAudienceOptions(section ? { kind: "section", ids: [section] } : undefined);
  if (!options) return <Waiting />;
  return <Write initial={section ? forSections(options) : NEW_ANNOUNCEMENT} />;
}

/** The form, then how it looks and whom it reaches, then it is sent. */
function Write({ initial }: { initial: AnnouncementFields }) {
  const { t, dateTime } = useWords();
  const navigate = useNavigate();
  const notice = useNotice();
  const creation = useCreateAnnouncement();
  const preview = usePreview();
  const [fields, setFields] = useState(initial);

  const show = (written: AnnouncementFields) => {
    setFields(written);
    creation.reset();
    preview.mutate({ audience: audienceOf(written), body: written.body });
  };
  const send = () =>
    creation.mutate(bodyOf(fields), {
      onSuccess: ({ id, title, status }) => {
        notice(
          t(status === "scheduled" ? "announcements.is_scheduled" : "announcements.is_published", {
            title,
          }),
        );
        void navigate(`/messages/announcements/${id}`);
      },
    });

  if (!preview.data) {
    return (
      <Page title={t("announcements.new")} lead={t("announcements.new_lead")}>
        <AnnouncementForm
          initial={fields}
          published={false}
          cancelTo="/messages?tab=published"
          previewing={preview.isPending}
          failure={preview.error ?? creation.error}
          onPreview={show}
        />
      </Page>
    );
  }
  const publishAt = fields.later ? moment(fields.publish_at) : null;
  return (
    <Page key="preview" title={t("announcements.preview")} lead={t("announcements.preview_lead")}>
      <Preview
        fields={fields}
        found={preview.data}
        published={false}
        outcome={
          publishAt
            ? t("announcements.goes_at", { when: dateTime(publishAt) })
            : t("announcements.goes_now")
        }
        told={fields.channels}
        sendLabel={t(publishAt ? "announcements.schedule" : "announcements.publish")}
        sending={creation.isPending}
        onSend={send}
        onBack={() => preview.reset()}
      >
        {creation.isError && <Trouble thrown={creation.error} />}
      </Preview>
    </Page>
  );
}
