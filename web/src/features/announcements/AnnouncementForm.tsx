import { Checkbox, Group, Paper, Radio, Stack, Text, Textarea, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { useId } from "react";

import { asProblem } from "../../api/problem";
import { FormButtons } from "../../app/FormButtons";
import { Trouble } from "../../app/Trouble";
import { useRefusals } from "../../app/useRefusals";
import { useIsTransferring } from "../../app/useTransfer";
import { useWords } from "../../i18n/useWords";
import { AudienceField } from "./AudienceField";
import { ChannelsField } from "./ChannelsField";
import { FilesField } from "./FilesField";
import { check, LIMITS, type AnnouncementFields } from "./rules";

interface Props {
  initial: AnnouncementFields;
  /** Whether it is out already: then whom it is for, and when, cannot change. */
  published: boolean;
  cancelTo: string;
  previewing: boolean;
  failure: unknown;
  onPreview(fields: AnnouncementFields): void;
}

/** The fields of an announcement; what follows is its preview. */
export function AnnouncementForm(props: Props) {
  const { t, code } = useWords();
  const form = useForm<AnnouncementFields>({
    initialValues: props.initial,
    validate: (fields) =>
      Object.fromEntries(
        Object.entries(check(fields, Date.now())).map(([name, wrong]) => [
          name,
          wrong === "past" ? t("announcements.publish_at_past") : code("field", wrong),
        ]),
      ),
  });
  const id = useId();
  const left = useRefusals(form, props.failure);
  // The preview takes the place of the form, and a file on its way would be lost with it.
  const uploading = useIsTransferring();
  const { later, attachments } = form.values;

  return (
    <Paper withBorder p="lg">
      <Stack maw={720}>
        <form
          id={id}
          noValidate
          onSubmit={form.onSubmit(props.onPreview, (errors) =>
            form.getInputNode(Object.keys(errors)[0]!)?.focus(),
          )}
        >
          <Stack>
            {left !== null && asProblem(left).status !== 412 && <Trouble thrown={left} />}
            <TextInput
              label={t("announcements.title")}
              required
              maxLength={LIMITS.title}
              {...form.getInputProps("title")}
            />
            <Textarea
              label={t("announcements.body")}
              description={t("announcements.body_hint")}
              required
              rows={12}
              maxLength={LIMITS.body}
              resize="vertical"
              {...form.getInputProps("body")}
            />
            {props.published ? (
              <Text size="sm" c="dimmed">
                {t("announcements.audience_fixed")}
              </Text>
            ) : (
              <>
                <AudienceField form={form} />
                <Radio.Group
                  label={t("announcements.publish_when")}
                  value={later ? "later" : "now"}
                  onChange={(value) => form.setFieldValue("later", value === "later")}
                >
                  <Group mt="xs">
                    <Radio value="now" label={t("announcements.publish_now")} />
                    <Radio value="later" label={t("announcements.publish_later")} />
                  </Group>
                </Radio.Group>
                {later && (
                  <TextInput
                    type="datetime-local"
                    label={t("announcements.publish_at")}
                    description={t("announcements.publish_at_hint", {
                      timezone: Intl.DateTimeFormat().resolvedOptions().timeZone,
                    })}
                    required
                    maw={280}
                    {...form.getInputProps("publish_at")}
                  />
                )}
              </>
            )}
            <ChannelsField form={form} published={props.published} />
            <Checkbox
              label={t("announcements.requires_ack")}
              description={t("announcements.requires_ack_hint")}
              {...form.getInputProps("requires_ack", { type: "checkbox" })}
            />
            {props.published && (
              <Checkbox
                label={t("announcements.material")}
                description={t("announcements.material_hint")}
                {...form.getInputProps("material", { type: "checkbox" })}
              />
            )}
          </Stack>
        </form>
        <FilesField
          files={attachments}
          onChange={(files) => form.setFieldValue("attachments", files)}
        />
        <FormButtons
          form={id}
          label={t("announcements.preview")}
          busy={props.previewing || uploading}
          cancelTo={props.cancelTo}
        />
      </Stack>
    </Paper>
  );
}
