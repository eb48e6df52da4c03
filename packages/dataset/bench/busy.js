// The longest stretch for which the main thread computed without a turn of the event loop. A pause on the clock also counts
// what the machine gave to others; this is ours alone. Linux only: undefined elsewhere.
import { closeSync, openSync, readSync } from 'node:fs';

const EVERY_MS = 5;

export function watchBusy() {
  const room = Buffer.alloc(100);
  let file;
  try {
    file = openSync(`/proc/self/task/${process.pid}/schedstat`, 'r');
  } catch {
    return { end: () => undefined };
  }
  /** ms of processor time of the main thread. */
  const used = () => Number(room.toString('latin1', 0, readSync(file, room, 0, 100, 0)).split(' ')[0]) / 1e6;
  let before = used();
  let longest = 0;
  const note = () => {
    const now = used();
    longest = Math.max(longest, now - before);
    before = now;
  };
  const timer = setInterval(note, EVERY_MS);
  return {
    end: () => {
      note();
      clearInterval(timer);
      closeSync(file);
      return longest;
    },
  };
}
