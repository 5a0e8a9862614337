/** What a form asks of a kind of channel, and what of it is sent. */
import type { Channel, ChannelKind, ChannelPost, NewChannel } from "../../api/types";

export const KINDS: readonly ChannelKind[] = ["webhook", "telegram", "smtp"];
export const SECURITIES = ["starttls", "tls", "none"] as const;
export const LIMITS = { name: 100, host: 253, username: 254, secret: 500, url: 2000 };

export interface ChannelFields {
  [name: string]: string;
  kind: ChannelKind;
  name: string;
  url: string;
  chat_id: string;
  host: string;
  port: string;
  security: (typeof SECURITIES)[number];
  username: string;
  sender: string;
  to: string;
  secret: string;
}

export const NEW_CHANNEL: ChannelFields = {
  kind: "webhook",
  name: "",
  url: "",
  chat_id: "",
  host: "",
  port: "587",
  security: "starttls",
  username: "",
  sender: "",
  to: "",
  secret: "",
};

/** What each kind cannot do without. */
const REQUIRED: Record<ChannelKind, (keyof ChannelFields)[]> = {
  webhook: ["name", "url", "secret"],
  telegram: ["name", "chat_id", "secret"],
  smtp: ["name", "host", "port", "sender", "to"],
};

export function missing(fields: ChannelFields): (keyof ChannelFields)[] {
  return REQUIRED[fields.kind].filter((name) => !fields[name]!.trim());
}

/** Return what is sent: the fields of the kind, and a login only where there is one. */
export function asked(fields: ChannelFields): NewChannel {
  const { kind, secret } = fields;
  const name = fields.name.trim();
  switch (kind) {
    case "webhook":
      return { kind, name, active: true, url: fields.url.trim(), secret };
    case "telegram":
      return { kind, name, active: true, chat_id: fields.chat_id.trim(), secret };
    case "smtp": {
      const login = fields.username ? { username: fields.username, secret } : {};
      return {
        kind,
        name,
        active: true,
        host: fields.host.trim(),
        port: Number(fields.port),
        security: fields.security,
        sender: fields.sender.trim(),
        to: fields.to.trim(),
        ...login,
      };
    }
  }
}

/** Where a channel leads, in a few words. */
export function placeOf(channel: Channel): string {
  switch (channel.kind) {
    case "webhook":
      return channel.url ? new URL(channel.url).host : "";
    case "telegram":
      return channel.chat_id ?? "";
    case "smtp":
      return channel.to ?? "";
  }
}

/** Return how a post went; one that waits for another try is told from one on its way. */
export function outcomeOf(
  state: ChannelPost["state"],
  code: ChannelPost["code"],
): ChannelPost["state"] | "again" {
  return state === "queued" && code ? "again" : state;
}
