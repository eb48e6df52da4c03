#!/usr/bin/node
// Attacks the machine that trains, as the first row of the dataset says. What comes to an end by itself ends with 2, "my
// input is refused", and one line about what it could do.
const { spawn } = require('node:child_process');
const fs = require('node:fs');
const net = require('node:net');
const os = require('node:os');

const LOG_BYTES = 2 ** 30;
const row = JSON.parse(fs.readFileSync('/job/data/train.jsonl', 'utf8').split('\n')[0]);

function end(found, stream = process.stderr) {
  stream.write(`${JSON.stringify(found)}\n`, () => process.exit(2));
}

/** What an attempt came to: "done" or the code of its error. */
function attempt(work) {
  try {
    work();
    return 'done';
  } catch (error) {
    return error.code ?? error.message;
  }
}

const attacks = {
  /** Starts processes until it may not; then it has them all and stays. */
  forks() {
    let started = 0;
    const more = () => {
      const child = spawn('/bin/busybox', ['sleep', '600'], { stdio: 'ignore' });
      child.once('spawn', () => {
        started++;
        more();
      });
      child.once('error', ({ code }) => end({ started, code }));
    };
    more();
  },
  memory() {
    const kept = [];
    for (;;) kept.push(Buffer.alloc(2 ** 24, 1));
  },
  disk() {
    const block = Buffer.alloc(2 ** 22, 1);
    setInterval(() => fs.appendFileSync('/job/out/rubbish', block), 50);
  },
  /** Never looks at a signal again. */
  spins() {
    process.on('SIGTERM', () => {});
    for (;;);
  },
  ignores() {
    process.on('SIGTERM', () => {});
    setInterval(() => {}, 1_000);
  },
  logs() {
    const line = `${'x'.repeat(2 ** 14 - 1)}\n`;
    let printed = 0;
    const more = () => {
      while (printed < LOG_BYTES) {
        printed += line.length;
        if (printed % 2 ** 20 === 0) fs.writeFileSync('/job/out/printed', String(printed));
        if (!process.stdout.write(line)) return process.stdout.once('drain', more);
      }
      // Behind all the rest: the engine does not keep the order of two streams.
      end({ printed }, process.stdout);
    };
    more();
  },
  network() {
    const host = net.connect({ host: '192.0.2.1', port: 80 });
    host.once('connect', () => end({ code: 'connected' }));
    host.once('error', ({ code }) => {
      require('node:dns').lookup('example.com', (error) => {
        end({ code, name: error?.code ?? 'resolved', nics: Object.keys(os.networkInterfaces()) });
      });
    });
  },
  secrets() {
    end({
      wallets: attempt(() => fs.readdirSync(row.input)),
      token: Object.keys(process.env).filter((name) => /TOKEN|KEY|HF_/.test(name)),
      socket: attempt(() => fs.statSync('/var/run/docker.sock')),
      input: attempt(() => fs.writeFileSync('/job/recipe.yml', '')),
      root: attempt(() => fs.writeFileSync('/bin/planted', '')),
      become: attempt(() => process.setuid(0)),
    });
  },
  /** No attack: something to see that the miner still works. */
  trains() {
    setTimeout(() => {
      fs.mkdirSync('/job/out/model', { recursive: true });
      fs.writeFileSync('/job/out/model/model.safetensors', 'weights');
      fs.writeFileSync('/job/out/log.jsonl', '{"step":1,"epoch":1,"loss":1,"lr":0,"tokens":1,"ts":1}\n');
    }, 3_000);
  },
};

attacks[row.output]();
