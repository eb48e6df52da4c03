/** What lint looks for: how bad it is, and what a task does with such rows. */
export const LINT_FINDINGS = {
  missing_column: { severity: 'error', done: 'dropped', means: 'no column that the dataset type reads' },
  bad_conversation: {
    severity: 'error',
    done: 'dropped',
    means: 'no list of messages, each with a role and a text',
  },
  unknown_role: {
    severity: 'warning',
    done: 'kept',
    means: 'a role that the dataset type does not name: the template decides',
  },
  empty_answer: { severity: 'warning', done: 'dropped', means: 'nothing to train on' },
  empty_prompt: { severity: 'note', done: 'kept', means: 'an answer to nothing' },
  answer_in_prompt: {
    severity: 'error',
    done: 'kept',
    means: 'the prompt holds the answer, so its loss means nothing',
  },
  exact_duplicate: { severity: 'warning', done: 'kept on one side', means: 'equal to an earlier row' },
  near_duplicate: { severity: 'warning', done: 'kept on one side', means: 'nearly an earlier row' },
  exact_across: { severity: 'error', done: 'kept', means: 'also in the other rows: a model that saw it is not tested' },
  near_across: {
    severity: 'error',
    done: 'kept',
    means: 'nearly in the other rows: a model that saw it is not tested',
  },
  long_row: {
    severity: 'warning',
    done: 'kept',
    means: 'may be over the sequence length: 4 characters a token assumed',
  },
  one_answer: { severity: 'warning', done: 'kept', means: 'the commonest answer; guessing it is a good score' },
  encoding_fault: { severity: 'warning', done: 'kept', means: 'text that was decoded wrongly, or control characters' },
  personal_email: { severity: 'warning', done: 'kept', means: 'looks like an e-mail address' },
  personal_phone: { severity: 'warning', done: 'kept', means: 'looks like a telephone number' },
  personal_iban: { severity: 'warning', done: 'kept', means: 'a bank account number with a right checksum' },
  personal_card: { severity: 'warning', done: 'kept', means: 'a payment card number with a right checksum' },
  personal_ip: { severity: 'note', done: 'kept', means: 'looks like an IPv4 address' },
  secret_key: { severity: 'error', done: 'kept', means: 'looks like an access key or a private key' },
} as const satisfies Record<string, { severity: LintSeverity; done: LintAction; means: string }>;

/** `error`: the customer should change the rows before paying. */
export type LintSeverity = 'error' | 'warning' | 'note';
/** `dropped`: neither trained on nor measured. `kept on one side`: of the split, with the rows it resembles. */
export type LintAction = 'dropped' | 'kept' | 'kept on one side';
export type LintCode = keyof typeof LINT_FINDINGS;

/** Numbers only, never text of a row: a report may be shown to anybody. */
export interface LintFinding {
  code: LintCode;
  severity: LintSeverity;
  done: LintAction;
  means: string;
  rows: number;
  /** Numbers of the first rows, from 1 without a header. */
  examples: number[];
}

const EXAMPLES = 10;

/** Rows of one kind. `examples` are numbers from 1. */
export type Found = Pick<LintFinding, 'rows' | 'examples'>;

/** `row`: from 0. */
export function noteRow(found: Found, row: number): Found {
  found.rows++;
  if (found.examples.length < EXAMPLES) found.examples.push(row + 1);
  return found;
}

/** Counts findings. */
export class LintTally {
  readonly #found = new Map<LintCode, Found>();

  /** `row`: from 0. */
  add(code: LintCode, row: number): void {
    this.#found.set(code, noteRow(this.#found.get(code) ?? { rows: 0, examples: [] }, row));
  }

  addAll(code: LintCode, found: Found): void {
    this.#found.set(code, found);
  }

  /** In the order of LINT_FINDINGS. */
  findings(): LintFinding[] {
    return Object.entries(LINT_FINDINGS).flatMap(([code, about]) => {
      const count = this.#found.get(code as LintCode);
      return count ? [{ code: code as LintCode, ...about, ...count }] : [];
    });
  }
}
