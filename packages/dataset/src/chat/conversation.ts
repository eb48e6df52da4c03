import type { ChatMessage } from '@tuning/protocol';
import { isTruthy } from '../prompt/python-text.ts';
import { hasTooManyValues } from '../read/json-scanner.ts';
import { MAX_NESTING } from '../read/limits.ts';
import { cell, type Row } from '../row.ts';
import type { ChatLayout } from './chat-layout.ts';

/** Why a row is no conversation that could be trained on. */
export const conversationFaults = [
  'missing_field',
  'bad_conversation',
  'empty_conversation',
  'too_many_turns',
  'bad_role',
] as const;
export type ConversationFault = (typeof conversationFaults)[number];

export interface Conversation {
  turns: ChatMessage[];
  tools?: unknown[];
}

/** Each trained turn costs two renderings of the whole conversation. */
const MAX_TURNS = 1_024;

type Json = Record<string, unknown>;
/** Stands for an error of Axolotl's own on a row, or for what it would print as Python text. */
class NoConversation extends Error {}

/**
 * The messages of a row as Axolotl hands them to the chat template: properties renamed, roles mapped, nulls left out,
 * lists of text parts joined, JSON texts parsed. Messages keep their number and order.
 * @param wanted properties that the template reads of a message, besides those that the layout maps.
 */
export function conversationOf(
  row: Row,
  layout: ChatLayout,
  wanted: ReadonlySet<string>,
): Conversation | ConversationFault {
  const value = cell(row, layout.messages);
  if (value === null || value === undefined) return 'missing_field';
  try {
    const messages = listOf(value);
    if (messages.length === 0) return 'empty_conversation';
    if (messages.length > MAX_TURNS) return 'too_many_turns';
    const turns: ChatMessage[] = [];
    for (const message of messages) {
      const turn = turnOf(objectOf(message), layout, wanted);
      if (typeof turn['role'] !== 'string') return 'bad_role';
      turns.push(turn as ChatMessage);
    }
    const tools = toolsOf(cell(row, layout.tools));
    return tools === undefined ? { turns } : { turns, tools };
  } catch (error) {
    if (error instanceof NoConversation || error instanceof SyntaxError) return 'bad_conversation';
    throw error;
  }
}

function turnOf(message: Json, { properties, roleOf }: ChatLayout, wanted: ReadonlySet<string>): Json {
  const turn = new Map<string, unknown>();
  for (const [property, inRow] of properties) {
    const value = own(message, inRow);
    if (value !== undefined && value !== null) turn.set(property, value);
  }
  const role = turn.get('role');
  if (typeof role === 'string') turn.set('role', roleOf.get(role) ?? role);
  const mapped = new Set(properties.map(([, inRow]) => inRow));
  for (const key of wanted) {
    const value = mapped.has(key) ? undefined : own(message, key);
    if (value !== undefined && value !== null) turn.set(key, value);
  }
  parseArguments(turn.get('tool_calls'));
  for (const property of ['content', 'reasoning_content']) {
    const value = turn.get(property);
    if (value === undefined) continue;
    if (typeof value !== 'string' && !Array.isArray(value)) throw new NoConversation();
    turn.set(property, typeof value === 'string' ? value : joined(value));
  }
  return Object.fromEntries(turn);
}

/** The text of a list of parts. Parts with training flags of their own are not supported. */
function joined(parts: readonly unknown[]): string {
  return parts
    .filter((part) => typeof part === 'object' && part !== null && !Array.isArray(part))
    .map((part) => {
      const { text, content, value, train, weight } = part as Json;
      if ((train ?? weight ?? null) !== null) throw new NoConversation();
      const words = [text, content, value].find(isTruthy) ?? '';
      if (typeof words !== 'string') throw new NoConversation();
      return words;
    })
    .join('');
}

/** Arguments that are JSON texts become what they say. */
function parseArguments(calls: unknown): void {
  if (!isTruthy(calls)) return;
  if (!Array.isArray(calls)) throw new NoConversation();
  for (const call of calls) {
    const called = own(objectOf(call), 'function');
    if (called === undefined) continue;
    const one = objectOf(called);
    if (typeof own(one, 'arguments') === 'string') one['arguments'] = parsed(String(one['arguments']));
  }
}

function toolsOf(value: unknown): unknown[] | undefined {
  if (value === null || value === undefined) return undefined;
  const tools = listOf(value);
  for (const tool of tools) {
    const called = typeof tool === 'object' && tool !== null ? own(tool as Json, 'function') : undefined;
    if (called === undefined) continue;
    const one = objectOf(called);
    if (typeof own(one, 'parameters') === 'string') one['parameters'] = parsed(String(one['parameters']));
  }
  return tools.length > 0 ? tools : undefined;
}

/** A list, or the one in a JSON text; always a copy, without nulls in objects unless it was a text. */
function listOf(value: unknown): unknown[] {
  const list = typeof value === 'string' ? parsed(value) : withoutNulls(value, 0);
  if (!Array.isArray(list)) throw new NoConversation();
  return list;
}

function parsed(text: string): unknown {
  if (hasTooManyValues(Buffer.from(text))) throw new NoConversation();
  const value: unknown = JSON.parse(text);
  requireShallow(value, 0);
  return value;
}

function requireShallow(value: unknown, depth: number): void {
  if (typeof value !== 'object' || value === null) return;
  if (depth > MAX_NESTING) throw new NoConversation();
  for (const member of Object.values(value)) requireShallow(member, depth + 1);
}

function withoutNulls(value: unknown, depth: number): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (depth > MAX_NESTING) throw new NoConversation();
  if (Array.isArray(value)) return value.map((member) => withoutNulls(member, depth + 1));
  const kept = Object.entries(value).filter(([, member]) => member !== null && member !== undefined);
  return Object.fromEntries(kept.map(([key, member]) => [key, withoutNulls(member, depth + 1)]));
}

function objectOf(value: unknown): Json {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Json;
  throw new NoConversation();
}

function own(value: Json, key: string): unknown {
  return Object.hasOwn(value, key) ? value[key] : undefined;
}
