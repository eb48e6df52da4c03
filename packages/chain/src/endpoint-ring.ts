/** An endpoint that lied is passed over for so long, while there are others. */
const SHUN_MS = 600_000;
const MAX_AGREED = 100;

/** The endpoints in the operator's order, and whose turn it is. */
export class EndpointRing {
  readonly #endpoints: readonly string[];
  readonly #shunned = new Map<string, number>();
  readonly #agreed = new Set<string>();
  #next = 0;

  constructor(endpoints: readonly string[]) {
    this.#endpoints = endpoints;
  }

  /** The endpoint to try now; the one behind it is next. */
  next(): string {
    const { length } = this.#endpoints;
    const order = this.#endpoints.map((_, at) => (this.#next + at) % length);
    const at = order.find((index) => !this.#isShunned(this.#endpoints[index]!)) ?? order[0]!;
    this.#next = (at + 1) % length;
    return this.#endpoints[at]!;
  }

  /** `endpoint` is in use: the one behind it is next. */
  use(endpoint: string): void {
    this.#next = (this.#endpoints.indexOf(endpoint) + 1) % this.#endpoints.length;
  }

  /** The endpoint in use is to be the next one, too. */
  stay(): void {
    this.#next = (this.#next - 1 + this.#endpoints.length) % this.#endpoints.length;
  }

  /** Those that are preferred to `endpoint`, best first. */
  preferred(endpoint: string): string[] {
    return this.#endpoints.slice(0, this.#endpoints.indexOf(endpoint)).filter((one) => !this.#isShunned(one));
  }

  shun(endpoint: string): void {
    this.#shunned.set(endpoint, Date.now() + SHUN_MS);
  }

  /** Every endpoint gives this odd answer. */
  agree(answer: string): void {
    if (this.#agreed.size < MAX_AGREED) this.#agreed.add(answer);
  }

  isAgreed(answer: string): boolean {
    return this.#agreed.has(answer);
  }

  #isShunned(endpoint: string): boolean {
    const until = this.#shunned.get(endpoint);
    if (until === undefined) return false;
    if (until > Date.now()) return true;
    this.#shunned.delete(endpoint);
    return false;
  }
}
