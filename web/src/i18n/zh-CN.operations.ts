import type { enOperations } from "./en.operations";
import type { Message } from "./messages";

export const zhCNOperations: Record<keyof typeof enOperations, Message> = {
  "ops.title": "运维",
  "ops.lead": "哪些消息在等待，哪些失败了，各函数最近做了什么。",
  "ops.queues": "队列",
  "ops.schedules": "定时任务",
  "ops.queue": "队列",
  "ops.function": "函数",
  "ops.trigger": "时间",
  "ops.messages": "消息",
  "ops.depth": "{visible} 条等待，{in_flight} 条处理中",
  "ops.dead_letters": "死信",
  "ops.dead": "{count} 条死信",
  "ops.unknown": "？",
  "ops.last_runs": "最近运行",
  "ops.no_runs": "还没有",
  "ops.earlier": "更早的运行",
  "ops.success": "完成",
  "ops.failure": "失败",
  "ops.times": "{count} 次",
  "ops.redrive": "重试",
  "ops.redrive_queue": "重试：{name}",
  "ops.redrive_title": "重新处理 {name} 的死信？",
  "ops.redrive_text": "死信会放回队列，每次最多一百条。仍然失败的会再回到这里。",
  "ops.moved": "已放回 {count} 条消息。",
  "ops.moved_more": "已放回 {count} 条消息，还有更多。",
};
