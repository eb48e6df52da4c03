import { expect, it } from 'vitest';
import { containerOptions } from '../../src/docker/container-options.ts';

const spec = {
  id: 'j',
  command: ['/app/train'] as [string],
  dir: '/job',
  limits: { wallMs: 1, memoryBytes: 1, outputBytes: 1, graceMs: 1 },
  labels: {},
};
const bounds = { user: '1:1', pids: 1, shmBytes: 1 };
const asked = (job: { gpus?: string[] }, own: { gpus?: 'all' | string[] }) =>
  containerOptions({ ...spec, ...job }, 'image', 'name', 'registry', { ...bounds, ...own }).HostConfig?.DeviceRequests;

it('asks for the GPUs of the job before those of the machine', () => {
  const gpu = { Driver: 'nvidia', Capabilities: [['gpu']] };
  expect(asked({}, {})).toBeUndefined();
  expect(asked({}, { gpus: 'all' })).toEqual([{ ...gpu, Count: -1 }]);
  expect(asked({ gpus: ['1'] }, { gpus: ['0', '1'] })).toEqual([{ ...gpu, DeviceIDs: ['1'] }]);
});
