import { TransientError } from '@tuning/kit';
import { expect, it } from 'vitest';
import { specVersionAt } from '../src/runtime-version.ts';
import type { Session } from '../src/session.ts';

class FakeSocket {
  readonly asked: unknown[] = [];
  answer: () => Promise<unknown> = async () => ({ specVersion: 424, specName: 'node-subtensor' });

  request(method: string, params: readonly unknown[]): Promise<unknown> {
    this.asked.push([method, ...params]);
    return this.answer();
  }
}

function newSession(): { session: Session; socket: FakeSocket } {
  const socket = new FakeSocket();
  return { session: { socket } as unknown as Session, socket };
}

it('asks once for each block of a session, also of questions side by side', async () => {
  const { session, socket } = newSession();
  const versions = await Promise.all([specVersionAt(session, '0x01'), specVersionAt(session, '0x01')]);
  expect(versions).toEqual([424, 424]);
  await specVersionAt(session, '0x02');
  await specVersionAt(session, '0x01');
  expect(socket.asked).toEqual([
    ['state_getRuntimeVersion', '0x01'],
    ['state_getRuntimeVersion', '0x02'],
  ]);
  const other = newSession();
  await specVersionAt(other.session, '0x01');
  expect(other.socket.asked).toHaveLength(1);
});

it('asks again after a failure, and after an answer that makes no sense', async () => {
  const { session, socket } = newSession();
  socket.answer = () => Promise.reject(new TransientError('CHAIN_DISCONNECTED', 'gone'));
  await expect(specVersionAt(session, '0x01')).rejects.toMatchObject({ code: 'CHAIN_DISCONNECTED' });
  socket.answer = async () => ({ specVersion: 'four' });
  await expect(specVersionAt(session, '0x01')).rejects.toMatchObject({ code: 'CHAIN_UNEXPECTED_VALUE' });
  socket.answer = async () => ({ specVersion: 425 });
  expect(await specVersionAt(session, '0x01')).toBe(425);
});

it('remembers a bounded number of blocks', async () => {
  const { session, socket } = newSession();
  for (let block = 0; block < 1_000; block++) await specVersionAt(session, `0x${block}`);
  await specVersionAt(session, '0x999');
  expect(socket.asked).toHaveLength(1_000);
  await specVersionAt(session, '0x0');
  expect(socket.asked).toHaveLength(1_001);
});
