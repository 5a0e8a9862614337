import {
  Button,
  FileInput,
  Group,
  Paper,
  Progress,
  Radio,
  Stack,
  Switch,
  Text,
} from "@mantine/core";
import { useState } from "react";
import { useSearchParams } from "react-router";

import type { ImportMode } from "../../api/types";
import { bytes } from "../../app/bytes";
import { Page } from "../../app/Page";
import { Trouble } from "../../app/Trouble";
import { useI18n } from "../../i18n/useI18n";
import { useMe } from "../session/me";
import { kindsFor, type Kind } from "./kinds";
import { checkFile, type FileTrouble } from "./rules";
import { useImport } from "./useImport";

/** Where courses, sections, enrolments or users go in: choose a file, look first or import at once, upload. */
export default function ImportPage() {
  const { t, locale } = useI18n();
  const [file, setFile] = useState<File | null>(null);
  const [mode, setMode] = useState<ImportMode>("plan");
  const [trouble, setTrouble] = useState<FileTrouble | null>(null);
  const kinds = kindsFor(useMe());
  const [search] = useSearchParams();
  const [kind, setKind] = useState<Kind>(
    () => kinds.find((allowed) => allowed === search.get("kind")) ?? "courses",
  );
  const [invite, setInvite] = useState(true);
  const { begin, stop, uploading, sentBytes, failure } = useImport();

  const choose = (chosen: File | null) => {
    setFile(chosen);
    setTrouble(chosen && checkFile(chosen));
  };
  const submit = () => {
    const found = checkFile(file);
    setTrouble(found);
    if (file && !found) begin({ file, kind, mode, invite });
  };

  return (
    <Page title={t(`imports.title.${kind}`)} lead={t(`imports.lead.${kind}`)}>
      <Paper
        component="form"
        withBorder
        p="lg"
        noValidate
        onSubmit={(event) => {
          event.preventDefault();
          submit();
        }}
      >
        <Stack maw={560} gap="lg">
          {failure && <Trouble thrown={failure} />}
          {kinds.length > 1 && (
            <Radio.Group
              label={t("imports.kind")}
              value={kind}
              onChange={(value) => setKind(value as Kind)}
            >
              <Group gap="lg" mt="xs">
                {kinds.map((value) => (
                  <Radio
                    key={value}
                    value={value}
                    label={t(`kind.${value}`)}
                    disabled={uploading}
                  />
                ))}
              </Group>
            </Radio.Group>
          )}
          <FileInput
            label={t("imports.file")}
            description={t("imports.file_hint")}
            placeholder={t("imports.choose")}
            accept=".csv,.txt,text/csv"
            required
            clearable
            clearButtonProps={{ "aria-label": t("imports.clear") }}
            value={file}
            onChange={choose}
            error={trouble && t(trouble)}
            disabled={uploading}
          />
          <Radio.Group
            label={t("imports.mode")}
            value={mode}
            onChange={(value) => setMode(value as ImportMode)}
          >
            <Stack gap="sm" mt="xs">
              <Radio
                value="plan"
                label={t("imports.mode_plan")}
                description={t("imports.mode_plan_text")}
                disabled={uploading}
              />
              <Radio
                value="apply"
                label={t("imports.mode_apply")}
                description={t("imports.mode_apply_text")}
                disabled={uploading}
              />
            </Stack>
          </Radio.Group>
          {kind === "users" && (
            <Switch
              label={t("imports.invite")}
              description={t("imports.invite_text")}
              checked={invite}
              onChange={(event) => setInvite(event.currentTarget.checked)}
              disabled={uploading}
            />
          )}
          {uploading && file && (
            <Stack gap={4}>
              <Text size="sm" className="wrap-anywhere">
                {t("imports.uploading", { name: file.name })}
              </Text>
              <Progress
                value={(sentBytes / file.size) * 100}
                aria-label={t("imports.uploading", { name: file.name })}
              />
              <Text size="sm" c="dimmed">
                {t("imports.progress", {
                  done: bytes(sentBytes, locale),
                  total: bytes(file.size, locale),
                })}
              </Text>
            </Stack>
          )}
          <Group gap="xs">
            <Button type="submit" loading={uploading}>
              {t(mode === "plan" ? "imports.submit_plan" : "imports.submit_apply")}
            </Button>
            {uploading && (
              <Button variant="default" onClick={stop}>
                {t("app.cancel")}
              </Button>
            )}
          </Group>
        </Stack>
      </Paper>
    </Page>
  );
}
