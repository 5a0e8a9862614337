import { createContext, use } from "react";

export const NoticeContext = createContext<(text: string) => void>(() => undefined);

/** Return the function that shows a notice. */
export function useNotice() {
  return use(NoticeContext);
}
