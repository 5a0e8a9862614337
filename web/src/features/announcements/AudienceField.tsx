import { Button, Checkbox, Fieldset, Group, NativeSelect, Stack, Text } from "@mantine/core";
import type { UseFormReturnType } from "@mantine/form";

import type { AudienceKind, Me } from "../../api/types";
import { SearchSelect, type Option } from "../../app/SearchSelect";
import type { AnnouncementKey } from "../../i18n/en.announcements";
import { useWords } from "../../i18n/useWords";
import { findPeople } from "../people/queries";
import { findCourses, sectionSearch, taughtCourseSearch } from "../sections/queries";
import { isStaff, useMe } from "../session/me";
import { ROLES } from "../users/rules";
import { audiencesFor, isListing, type AnnouncementFields, type ListingKind } from "./rules";

interface Search {
  label: AnnouncementKey;
  key: readonly unknown[];
  search(q: string, signal: AbortSignal): Promise<Option[]>;
}

/** How one finds what an audience lists; teachers find what they teach. */
function searchesFor(me: Me): Record<ListingKind, Search> {
  const staff = isStaff(me);
  return {
    section: {
      label: "announcements.add_section",
      key: ["sections", "found"],
      search: sectionSearch(staff ? undefined : me.id),
    },
    course: {
      label: "announcements.add_course",
      key: ["courses", staff ? "found" : "taught"],
      search: staff ? findCourses : taughtCourseSearch(me.id),
    },
    users: { label: "announcements.add_user", key: ["people", "all"], search: findPeople },
  };
}

/** Chooses whom an announcement is for. */
export function AudienceField({ form }: { form: UseFormReturnType<AnnouncementFields> }) {
  const { t } = useWords();
  const me = useMe();
  const { audience, chosen, roles } = form.values;
  const choose = (kind: ListingKind, options: Option[]) => {
    form.setFieldValue(`chosen.${kind}`, options);
    form.clearFieldError("audience");
  };
  const search = isListing(audience) ? searchesFor(me)[audience] : null;

  return (
    <Fieldset legend={t("announcements.audience")}>
      <Stack gap="sm">
        <NativeSelect
          aria-label={t("announcements.audience")}
          maw={320}
          data={audiencesFor(me).map((kind) => ({
            value: kind,
            label: t(`announcements.audience.${kind}`),
          }))}
          {...form.getInputProps("audience")}
          onChange={(event) => {
            form.setFieldValue("audience", event.currentTarget.value as AudienceKind);
            form.clearFieldError("audience");
          }}
        />
        {isListing(audience) && search && (
          <>
            <SearchSelect
              // Made anew after each choice, so that the field is empty for the next.
              key={`${audience}-${chosen[audience].length}`}
              label={t(search.label)}
              placeholder={t("announcements.add_hint")}
              maw="32rem"
              value={null}
              searchKey={search.key}
              search={search.search}
              onChange={(_, option) => {
                const known = chosen[audience];
                if (option && !known.some(({ value }) => value === option.value)) {
                  choose(audience, [...known, option]);
                }
              }}
            />
            <Chosen
              options={chosen[audience]}
              onRemove={(gone) =>
                choose(
                  audience,
                  chosen[audience].filter(({ value }) => value !== gone.value),
                )
              }
            />
          </>
        )}
        {audience === "role" && (
          <Checkbox.Group
            label={t("announcements.roles")}
            value={roles}
            onChange={(values) => {
              form.setFieldValue(
                "roles",
                ROLES.filter((role) => values.includes(role)),
              );
              form.clearFieldError("audience");
            }}
          >
            <Group mt="xs">
              {ROLES.map((role) => (
                <Checkbox key={role} value={role} label={t(`role.${role}`)} />
              ))}
            </Group>
          </Checkbox.Group>
        )}
      </Stack>
    </Fieldset>
  );
}

function Chosen({ options, onRemove }: { options: Option[]; onRemove(option: Option): void }) {
  const { t } = useWords();
  if (options.length === 0) return null;
  return (
    <Stack component="ul" gap={4} m={0} p={0} className="plain-list">
      {options.map((option) => (
        <Group component="li" key={option.value} gap="xs" wrap="nowrap" justify="space-between">
          <Text size="sm" className="wrap-anywhere">
            {option.label}
          </Text>
          <Button
            size="compact-sm"
            variant="subtle"
            color="red"
            miw="max-content"
            aria-label={t("announcements.remove", { name: option.label })}
            onClick={() => onRemove(option)}
          >
            {t("files.remove")}
          </Button>
        </Group>
      ))}
    </Stack>
  );
}
