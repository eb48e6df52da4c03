import { OperatorError, Secret } from '@tuning/kit';

/** Asks on the terminal without echo. */
export function askPassword(prompt: string): Promise<Secret> {
  return new Promise((resolve, reject) => {
    const { stdin, stderr } = process;
    // The echo is off before anybody can see that something is asked for.
    stdin.setRawMode(true);
    stderr.write(`${prompt}: `);
    stdin.resume();
    let text = '';
    const done = (finish: () => void) => {
      stdin.off('data', onData);
      stdin.setRawMode(false);
      stdin.pause();
      stderr.write('\n');
      finish();
    };
    const onData = (chunk: Buffer) => {
      for (const char of chunk.toString('utf8')) {
        if (char === '\r' || char === '\n') return done(() => resolve(new Secret(text)));
        if (char === '\u0003')
          return done(() => reject(new OperatorError('INTERRUPTED', 'interrupted: nothing was changed')));
        text = char === '\u007f' ? text.slice(0, -1) : text + char;
      }
      return undefined;
    };
    stdin.on('data', onData);
  });
}
