import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { cudaFailure } from '../src/device/cuda-failure.ts';
import { createSession, deviceEnvironment, GraphBuilder, requireDevice } from '../src/index.ts';

/** What onnxruntime-node 1.30.0 wrote with the provider of the PyPI package onnxruntime-gpu 1.30.0 beside it. */
const loading = (library: string, problem: string) =>
  `[E:onnxruntime:onnxruntime-node, provider_bridge_ort.cc:2146 Create] provider_bridge_ort.cc:1988 onnxruntime::ProviderLibrary::Get() [ONNXRuntimeError] : 1 : FAIL : Failed to load library /app/bin/${library} with error: ${problem}
OrtSessionOptionsAppendExecutionProvider_Cuda: Failed to load shared library`;
const absent = 'cannot open shared object file: No such file or directory';

describe('what is missing for a GPU, in one line', () => {
  test.each([
    [
      'CUDA_PROVIDER_MISSING',
      /script\/install\.js/,
      loading('libonnxruntime_providers_shared.so', `/app/bin/libonnxruntime_providers_shared.so: ${absent}`),
    ],
    [
      'CUDA_PROVIDER_MISSING',
      /providers_cuda/,
      loading('libonnxruntime_providers_cuda.so', `/app/bin/libonnxruntime_providers_cuda.so: ${absent}`),
    ],
    [
      'CUDA_LIBRARY_MISSING',
      /needs libcublasLt\.so\.13: .*LD_LIBRARY_PATH/,
      loading('libonnxruntime_providers_cuda.so', `libcublasLt.so.13: ${absent}`),
    ],
    ['CUDA_DRIVER_MISSING', /--gpus all/, loading('libonnxruntime_providers_cuda.so', `libcuda.so.1: ${absent}`)],
    [
      'CUDA_DEVICE_UNUSABLE',
      /"no CUDA-capable device is detected" \(100\)/,
      'cuda_call.cc:146 onnxruntime::CudaCall(...) CUDA failure 100: no CUDA-capable device is detected ; GPU=-1 ; hostname=vm ; file=cuda_execution_provider.cc ; line=352 ; expr=cudaSetDevice(info_.device_id); \n\n',
    ],
    ['CUDA_UNUSABLE', /undefined symbol: cuInit;/, 'first line\nlibx.so: undefined symbol: cuInit\n'],
    ['CUDA_UNUSABLE', /without a word/, ''],
  ])('%s: %s', (code, message, output) => {
    const error = cudaFailure(output);
    expect(error).toMatchObject({ name: 'OperatorError', code, message: expect.stringMatching(message) });
    expect(error.message).not.toContain('\n');
  });
});

const runtime = dirname(createRequire(import.meta.url).resolve('onnxruntime-node/package.json'));
const provider = join(runtime, 'bin/napi-v6/linux/x64/libonnxruntime_providers_cuda.so');

describe.skipIf(existsSync(provider))('without the CUDA provider', () => {
  test('the check says how to install it', async () => {
    await expect(requireDevice('cuda')).rejects.toMatchObject({ name: 'OperatorError', code: 'CUDA_PROVIDER_MISSING' });
    await requireDevice('cpu');
  });

  test('the check gives up when it is told to', async () => {
    const aborter = new AbortController();
    const checking = requireDevice('cuda', { signal: aborter.signal });
    aborter.abort(new Error('stop now'));
    await expect(checking).rejects.toThrow('stop now');
  });

  test('a session does not fall back to the CPU', async () => {
    const graph = new GraphBuilder('main');
    const x = graph.input('x', 'float32', [1]);
    graph.output(graph.node('Add', [x, x], {}, 'y'), 'float32', [1]);
    await createSession(graph.encode());
    await expect(createSession(graph.encode(), { device: 'cuda' })).rejects.toThrow(/Failed to load shared library/);
  });
});

test('a process on the GPU is told where CUDA is, and nothing else', () => {
  const env = { LD_LIBRARY_PATH: '/opt/cuda/lib', CUDA_VISIBLE_DEVICES: '1', HF_TOKEN: 'secret', PATH: '/bin' };
  expect(deviceEnvironment('cuda', env)).toEqual({ LD_LIBRARY_PATH: '/opt/cuda/lib', CUDA_VISIBLE_DEVICES: '1' });
  expect(deviceEnvironment('cpu', env)).toEqual({});
});
