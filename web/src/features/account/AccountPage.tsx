import { Page } from "../../app/Page";
import { useI18n } from "../../i18n/useI18n";
import { ChangePassword } from "./ChangePassword";
import { MailPreferences } from "./MailPreferences";
import { OwnData } from "./OwnData";
import { ProfileForm } from "./ProfileForm";

/** What is one's own: name and language, password, mails, and all that is kept. */
export default function AccountPage() {
  const { t } = useI18n();
  return (
    <Page title={t("account.title")}>
      <ProfileForm />
      <ChangePassword />
      <MailPreferences />
      <OwnData />
    </Page>
  );
}
