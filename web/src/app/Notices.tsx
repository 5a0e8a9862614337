import { Notification } from "@mantine/core";
import { useEffect, useState, type ReactNode } from "react";

import { NoticeContext } from "./useNotice";

const SHOWN_MILLISECONDS = 6_000;

/** Says that something worked, for a few seconds and over a change of page. */
export function Notices({ children }: { children: ReactNode }) {
  const [notice, setNotice] = useState<{ text: string } | null>(null);

  useEffect(() => {
    if (!notice) return;
    const timer = window.setTimeout(() => setNotice(null), SHOWN_MILLISECONDS);
    return () => window.clearTimeout(timer);
  }, [notice]);

  return (
    <NoticeContext value={(text) => setNotice({ text })}>
      {children}
      {/* Always there: a live region that appears together with its text is not read out. */}
      <div role="status" className="toast">
        {notice && (
          <Notification role="none" color="teal" withCloseButton={false} withBorder>
            {notice.text}
          </Notification>
        )}
      </div>
    </NoticeContext>
  );
}
