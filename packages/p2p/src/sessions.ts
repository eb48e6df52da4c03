import type { Connection } from '@libp2p/interface';
import type { Signer } from '@tuning/kit';
import type { Hello } from '@tuning/protocol';
import { type BindingScope, CERTIFICATE_LIFE_MS, CLOCK_SKEW_MS, refuseHello, signHello } from './binding.ts';
import type { DirectoryEntry, PeerDirectory } from './directory.ts';
import { entryOf } from './node.ts';
import { ed25519KeyOf, sameBytes } from './peer-key.ts';

/** A connection whose other side has proved its hotkey. */
interface Session {
  readonly hotkey: string;
  /** End of the certificate, unix ms. */
  readonly notAfter: number;
}

export interface SessionContext extends BindingScope {
  readonly signer: Signer;
  readonly directory: PeerDirectory;
  /** Unix ms. */
  readonly now: () => number;
}

/** Who is behind each connection, by hellos taken; and our own certificate. */
export class Sessions {
  readonly #context: SessionContext;
  readonly #accepted = new WeakMap<Connection, Session>();
  /** End of the certificate of ours that the other side of a connection has. */
  readonly #shown = new WeakMap<Connection, number>();
  readonly #leaving = new WeakSet<Connection>();
  #own: Hello | undefined;

  constructor(context: SessionContext) {
    this.#context = context;
  }

  /** Our certificate; renewed at half of its life, so that a shown one is always good for hours. */
  ownHello(connection: Connection, self: Parameters<typeof signHello>[2]): Hello {
    const now = this.#context.now();
    if (!this.#own || now > this.#own.notAfter - CERTIFICATE_LIFE_MS / 2) {
      this.#own = signHello(this.#context.signer, this.#context, self, now);
    }
    this.#shown.set(connection, this.#own.notAfter);
    return this.#own;
  }

  /** Takes the other side's hello; returns why it is refused, or undefined. */
  accept(connection: Connection, hello: Hello): string | undefined {
    const { remotePeer } = connection;
    const refusal = refuseHello(hello, { ...this.#context, remotePeer, now: this.#context.now() });
    if (refusal) this.#accepted.delete(connection);
    else this.#accepted.set(connection, { hotkey: hello.hotkey, notAfter: hello.notAfter });
    return refusal;
  }

  /**
   * Who is behind a connection by the directory of this moment.
   * @returns the entry, or why there is none: not registered (any more), or no valid hello yet.
   */
  identify(connection: Connection): DirectoryEntry | 'NOT_REGISTERED' | 'HELLO_NEEDED' {
    const { directory, now } = this.#context;
    const session = this.#accepted.get(connection);
    // By hotkey, not by key: another hotkey may have published a copy of this peer's key to get in its way.
    const entry = session && directory.byHotkey(session.hotkey);
    const key = ed25519KeyOf(connection.remotePeer);
    if (session && entry && key && sameBytes(entry.publicKey, key)) {
      return session.notAfter + CLOCK_SKEW_MS < now() ? 'HELLO_NEEDED' : entry;
    }
    return entryOf(directory, connection.remotePeer) ? 'HELLO_NEEDED' : 'NOT_REGISTERED';
  }

  /** True when both sides hold a hello of the other that has not run out. */
  isMutual(connection: Connection, hotkey: string): boolean {
    const entry = this.identify(connection);
    const shownUntil = this.#shown.get(connection) ?? 0;
    return typeof entry === 'object' && entry.hotkey === hotkey && shownUntil > this.#context.now();
  }

  /** The hotkey that a connection's other side proved, whatever the directory says now. */
  hotkeyOf(connection: Connection): string | undefined {
    return this.#accepted.get(connection)?.hotkey;
  }

  /** After a goodbye, ours or theirs, nothing more is asked over the connection. */
  leave(connection: Connection): void {
    this.#leaving.add(connection);
  }

  isLeaving(connection: Connection): boolean {
    return this.#leaving.has(connection);
  }

  forget(connection: Connection): void {
    this.#accepted.delete(connection);
    this.#shown.delete(connection);
  }
}
