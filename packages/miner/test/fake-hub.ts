import type { Hub, PublishArgs, RepoRef, Visibility } from '@tuning/hub';
import type { FakeChain } from './fake-chain.ts';

/** A hub that remembers what was pushed and when a repo became public. */
export class FakeHub {
  readonly published: PublishArgs[] = [];
  /** Head of the chain at which each repo became public. */
  readonly publicSince = new Map<string, number>();
  /** Thrown one after the other; afterwards the call works. */
  readonly faults: Record<'publish' | 'setVisibility', Error[]> = { publish: [], setVisibility: [] };
  /** Thrown by every call. */
  broken: Partial<Record<'publish' | 'setVisibility', Error>> = {};
  readonly #chain: FakeChain;

  constructor(chain: FakeChain) {
    this.#chain = chain;
  }

  publish = async (args: PublishArgs): Promise<{ revision: string }> => {
    this.#turn('publish');
    this.published.push(args);
    this.#chain.events.push(`push ${args.visibility}`);
    return { revision: 'c'.repeat(40) };
  };

  setVisibility = async ({ repo }: RepoRef, visibility: Visibility): Promise<void> => {
    this.#turn('setVisibility');
    this.#chain.events.push(`make ${visibility}`);
    if (visibility === 'public') this.publicSince.set(repo, this.#chain.head.number);
  };

  asHub(): Hub {
    return this as unknown as Hub;
  }

  #turn(call: 'publish' | 'setVisibility'): void {
    const fault = this.broken[call] ?? this.faults[call].shift();
    if (fault) throw fault;
  }
}
