/** What a reader's inbox shows: how far each announcement is, and how much is unread. */
import type { Delivery, DeliveryPage, DeliveryState } from "../../api/types";

const MOST_SHOWN = 99;

/** Return the number at the bell. */
export function badge(unread: number): string {
  return unread > MOST_SHOWN ? `${MOST_SHOWN}+` : String(unread);
}

export type Standing = "new" | "to_confirm" | "confirmed" | "read";

/** Return what there is to do about a delivery; only what asks for it is to be confirmed. */
export function standingOf({ state, announcement }: Delivery): Standing {
  const asks = announcement.requires_ack;
  if (state === "acknowledged") return asks ? "confirmed" : "read";
  return state === "delivered" && asks ? "to_confirm" : "new";
}

/** What is told to the server when a delivery is opened: nothing where it has been read. */
export function toldOnOpening({ state, announcement }: Delivery): "delivered" | "ack" | null {
  if (state === "acknowledged") return null;
  if (!announcement.requires_ack) return "ack";
  return state === "queued" ? "delivered" : null;
}

/** Return the pages of an inbox with what the server says of one delivery in them. */
export function withState(pages: DeliveryPage[], said: DeliveryState): DeliveryPage[] {
  return pages.map((page) => ({
    ...page,
    items: page.items.map((item) => (item.id === said.id ? { ...item, ...said } : item)),
  }));
}
