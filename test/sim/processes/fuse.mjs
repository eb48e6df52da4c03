/**
 * Returns a wrapper for services: the process kills itself right before or right after the n-th call of any of their
 * methods. Timers alone would seldom hit the short moments between two steps of the daemon.
 */
export function fuse(n) {
  let calls = 0;
  // Once before a call and once after it: half of the time the call is made and its answer lost.
  const burn = () => {
    calls += 1;
    if (calls === n) process.kill(process.pid, 'SIGKILL');
  };
  return (target) =>
    new Proxy(target, {
      get(_, name) {
        const member = Reflect.get(target, name, target);
        if (typeof member !== 'function') return member;
        return (...args) => {
          burn();
          const result = member.apply(target, args);
          if (!(result instanceof Promise)) {
            burn();
            return result;
          }
          return result.finally(burn);
        };
      },
    });
}
