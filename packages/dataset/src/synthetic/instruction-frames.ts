import type { SeededRandom } from '../split/random.ts';

/** Frames of one set ask for the same; `{x}` is what they ask about. */
const FRAME_SETS: readonly (readonly string[])[] = [
  [
    'What does {x} mean?',
    'What is the meaning of {x}?',
    'What is the definition of {x}?',
    'Define {x}.',
    'Give a definition of {x}.',
    'Explain what {x} means.',
    'How is {x} defined?',
  ],
  ['What is an example of {x}?', 'Give an example of {x}.', 'Provide an example of {x}.'],
  ['What is the difference between {x}?', 'Explain the difference between {x}.', 'How do you tell apart {x}?'],
  ['What are the benefits of {x}?', 'Describe the benefits of {x}.', 'Name the benefits of {x}.'],
  ['How do I {x}?', 'How can I {x}?', 'Explain how to {x}.'],
  ['Translate {x} into French.', 'How do you say {x} in French?'],
];

/** Verbs that open an instruction and may stand for each other. */
const VERB_SETS: readonly (readonly string[])[] = [
  ['Write', 'Compose'],
  ['List', 'Name', 'Enumerate'],
  ['Give', 'Provide', 'Offer'],
  ['Generate', 'Create', 'Produce'],
  ['Describe', 'Explain'],
  ['Identify', 'Find', 'Determine'],
  ['Rewrite', 'Rephrase', 'Reword'],
  ['Summarize', 'Sum up'],
  ['Compute', 'Calculate', 'Work out'],
  ['Classify', 'Categorize'],
  ['Suggest', 'Propose'],
  ['Construct', 'Build'],
  ['Edit', 'Revise'],
];

const escapeRegExp = (text: string) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
/** The closing mark is optional, so that "Define X" is recognised as well. */
const frameRegExp = (frame: string) =>
  new RegExp(
    `^${escapeRegExp(frame)
      .replace('\\{x\\}', '(.{1,200}?)')
      .replace(/(\\?[?.])$/, '$1?')}$`,
    'is',
  );
const FRAMES = FRAME_SETS.map((set) => set.map((frame) => ({ frame, regex: frameRegExp(frame) })));

const QUESTION_OPENINGS = ['Please answer this: ', 'Question: ', 'I would like to know: '];
const TASK_OPENINGS = ['Task: ', 'Here is your task: ', 'Please do the following: '];

/** The instruction in other words: another frame, another opening verb, else an opening phrase before it. */
export function paraphraseInstruction(text: string, random: SeededRandom): string {
  for (const set of FRAMES) {
    for (const { frame, regex } of set) {
      const about = regex.exec(text.trim())?.[1];
      if (about === undefined) continue;
      const other = random.pick(set.filter((candidate) => candidate.frame !== frame)).frame;
      return other.replace('{x}', () => about);
    }
  }
  const verb = /^(\p{L}+)(?= )/u.exec(text)?.[1];
  const verbs = verb === undefined ? undefined : VERB_SETS.find((set) => set.includes(verb));
  if (verb !== undefined && verbs)
    return random.pick(verbs.filter((other) => other !== verb)) + text.slice(verb.length);
  return random.pick(text.trim().endsWith('?') ? QUESTION_OPENINGS : TASK_OPENINGS) + text;
}
