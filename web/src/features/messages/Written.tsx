import { useEffect, useRef } from "react";

/** What somebody has written, as the server made it of their Markdown by its list of tags. */
export function Written({ html }: { html: string }) {
  const written = useRef<HTMLDivElement>(null);

  useEffect(() => {
    for (const link of written.current?.querySelectorAll("a") ?? []) link.target = "_blank";
  }, [html]);

  return <div ref={written} className="written" dangerouslySetInnerHTML={{ __html: html }} />;
}
