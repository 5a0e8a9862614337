/** English for the page of those who look after queues and functions. */
import type { Message } from "./messages";

export const enOperations = {
  "ops.title": "Operations",
  "ops.lead": "What waits, what failed, and what the functions did last.",
  "ops.queues": "Queues",
  "ops.schedules": "Schedules",
  "ops.queue": "Queue",
  "ops.function": "Function",
  "ops.trigger": "When",
  "ops.messages": "Messages",
  "ops.depth": "{visible} waiting, {in_flight} in work",
  "ops.dead_letters": "Dead letters",
  "ops.dead": "{count} dead",
  "ops.unknown": "?",
  "ops.last_runs": "Last runs",
  "ops.no_runs": "None yet",
  "ops.earlier": "Earlier ones",
  "ops.success": "Done",
  "ops.failure": "Failed",
  "ops.times": { one: "once", other: "{count} times" },
  "ops.redrive": "Try again",
  "ops.redrive_queue": "Try again: {name}",
  "ops.redrive_title": "Try the dead letters of {name} again?",
  "ops.redrive_text":
    "They go back into the queue, a hundred at a time. What still fails comes back here.",
  "ops.moved": { one: "{count} message was put back.", other: "{count} messages were put back." },
  "ops.moved_more": {
    one: "{count} message was put back. There are more.",
    other: "{count} messages were put back. There are more.",
  },
} satisfies Record<string, Message>;
