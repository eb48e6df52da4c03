import type { Chain, Metagraph, Neuron } from '@tuning/chain';
import { errorMessage, type Logger } from '@tuning/kit';
import type { DirectoryEntry, PeerDirectory } from '@tuning/p2p';

/** Shortest time between two refreshes that a lookup causes, in ms: strangers must not make us read the chain at will. */
const UNKNOWN_PEER_REFRESH_MS = 3_000;

const keyText = (publicKey: Uint8Array) => Buffer.from(publicKey).toString('hex');

/**
 * The metagraph as both daemons see it: who may speak to us, where they are, what they hold. Refreshed from finalised
 * state; a hotkey that leaves the subnet leaves the directory with the next refresh.
 */
export class MetagraphView implements PeerDirectory {
  readonly #chain: Chain;
  readonly #netuid: number;
  readonly #logger: Logger;
  #current: Metagraph | undefined;
  #byKey = new Map<string, DirectoryEntry>();
  #byHotkey = new Map<string, DirectoryEntry>();
  #busy: Promise<Metagraph> | undefined;
  #lastRefresh = 0;

  constructor(chain: Chain, netuid: number, logger: Logger) {
    this.#chain = chain;
    this.#netuid = netuid;
    this.#logger = logger;
  }

  /** The last metagraph read. `refresh` must have succeeded once. */
  get current(): Metagraph {
    if (!this.#current) throw new Error('the metagraph was not read yet');
    return this.#current;
  }

  neuron(hotkey: string): Neuron | undefined {
    return this.#current?.neurons.find((neuron) => neuron.hotkey === hotkey);
  }

  byPeerKey(publicKey: Uint8Array): DirectoryEntry | undefined {
    const entry = this.#byKey.get(keyText(publicKey));
    // It may have served its axon, or got its permit, a moment ago: refused once, known the next time.
    if (!entry?.permit) this.#refreshSoon();
    return entry;
  }

  byHotkey(hotkey: string): DirectoryEntry | undefined {
    return this.#byHotkey.get(hotkey);
  }

  /** Reads the metagraph at the finalised head; parallel calls share one read. */
  refresh(): Promise<Metagraph> {
    this.#busy ??= this.#read().finally(() => {
      this.#busy = undefined;
    });
    return this.#busy;
  }

  /** Refreshes every `everyBlocks` finalised blocks until the returned function is called. */
  follow(everyBlocks: number, onChange: () => void): () => void {
    let last = this.#chain.head.number;
    return this.#chain.onFinalised(({ number }) => {
      if (number - last < everyBlocks) return;
      last = number;
      this.refresh().then(onChange, (error) => {
        this.#logger.warn({ error: errorMessage(error) }, 'could not refresh the metagraph');
      });
    });
  }

  #refreshSoon(): void {
    if (Date.now() - this.#lastRefresh < Math.max(UNKNOWN_PEER_REFRESH_MS, this.#chain.blockTimeMs)) return;
    this.#lastRefresh = Date.now();
    this.refresh().catch((error) => {
      this.#logger.debug({ error: errorMessage(error) }, 'could not refresh the metagraph for a peer');
    });
  }

  async #read(): Promise<Metagraph> {
    const metagraph = await this.#chain.metagraph(this.#netuid);
    this.#byKey = new Map();
    this.#byHotkey = new Map();
    for (const { hotkey, axon, peerKey, validatorPermit } of metagraph.neurons) {
      if (!peerKey) continue;
      const reachable = axon !== undefined && axon.ip !== '0.0.0.0';
      const entry = {
        hotkey,
        host: reachable ? axon.ip : undefined,
        port: axon?.port ?? 0,
        publicKey: peerKey,
        permit: validatorPermit,
      };
      this.#byKey.set(keyText(peerKey), entry);
      this.#byHotkey.set(hotkey, entry);
    }
    this.#current = metagraph;
    return metagraph;
  }
}
