import type { ChatDatasetType, TrainOnEos } from '@tuning/protocol';

/** Axolotl's defaults of `type: chat_template` (prompt_strategies/chat_template.py, 0.19.0). */
const DEFAULT_PROPERTIES = { role: 'role', content: 'content', reasoning_content: 'reasoning_content' };
const DEFAULT_ROLES: Readonly<Record<string, readonly string[]>> = {
  user: ['human', 'user'],
  assistant: ['assistant', 'gpt'],
  system: ['system'],
  tool: ['tool'],
};

/** How conversations are read, with Axolotl's defaults filled in. */
export interface ChatLayout {
  kind: 'chat';
  /** Column of the messages. */
  messages: string;
  /** Column of the tools that the template is told of. */
  tools: string;
  /** What the template calls a property, and what the row calls it, in this order. */
  properties: readonly (readonly [property: string, inRow: string])[];
  /** The template's name of a role, by the row's; a role that is not there keeps its name. */
  roleOf: ReadonlyMap<string, string>;
  /** Roles, in the template's names, whose turns are trained. */
  trained: ReadonlySet<string>;
  trainOnEos: TrainOnEos;
  /** Tokens that end a turn; undefined: the tokenizer's end token. */
  turnEnds: readonly string[] | undefined;
}

export function chatLayoutOf(type: ChatDatasetType): ChatLayout {
  const roles = Object.entries(type.roles ?? DEFAULT_ROLES);
  const roleOf = new Map(roles.flatMap(([role, inRows]) => inRows.map((inRow) => [inRow, role] as const)));
  return {
    kind: 'chat',
    messages: type.field_messages ?? 'messages',
    tools: 'tools',
    properties: Object.entries(type.message_property_mappings ?? DEFAULT_PROPERTIES),
    roleOf,
    trained: new Set((type.roles_to_train ?? ['assistant']).map((role) => roleOf.get(role) ?? role)),
    trainOnEos: type.train_on_eos ?? 'turn',
    turnEnds: type.eot_tokens ?? undefined,
  };
}
