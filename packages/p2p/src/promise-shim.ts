/**
 * Promise.withResolvers (ES2024) where Node 20 lacks it: libp2p 3 calls it without a guard. Imported before anything of
 * libp2p; ES modules are evaluated in import order.
 */
const target = Promise as unknown as { withResolvers?: unknown };

target.withResolvers ??= function withResolvers<T>(this: PromiseConstructor) {
  let resolve!: (value: T | PromiseLike<T>) => void;
  let reject!: (reason?: unknown) => void;
  // `this` and not Promise: the standard makes it work on subclasses.
  const promise = new this<T>((onResolve, onReject) => {
    resolve = onResolve;
    reject = onReject;
  });
  return { promise, resolve, reject };
};

export {};
