import { HalfBuilder } from '../graph/half-builder.ts';
import { float } from '../onnx/encode.ts';
import { int32s } from '../onnx/tensor.ts';
import { createSession, loadRuntime } from '../runtime.ts';

/** One token, one head: what attention returns is the value. The narrowest head that the kernels take. */
const WIDTH = 16;

/**
 * Computes a float16 matrix product and attention on the GPU, the two that a measurement needs of it.
 * @throws whatever onnxruntime throws where it has no provider, library, driver, device or kernel; Error where the numbers are wrong.
 */
export async function computeOnCuda(): Promise<void> {
  const graph = new HalfBuilder('check');
  const x = graph.input('x', 'float32', [1, WIDTH]);
  const identity = graph.input('identity', 'float32', [WIDTH, WIDTH]);
  const value = graph.reshape(graph.node('Gemm', [x, identity], { transB: 1 }), [1, 1, WIDTH]);
  const lengths = [graph.constant(int32s([1], [0])), graph.constant(int32s([], [1]))];
  const attributes = { num_heads: 1, kv_num_heads: 1, scale: float(1) };
  const inputs = [value, value, value, '', '', ...lengths];
  const [mixed] = graph.nodes('com.microsoft.GroupQueryAttention', inputs, attributes, 3);
  graph.output(graph.node('Mul', [mixed!, graph.scalar(1)], {}, 'y'), 'float32', [1, 1, WIDTH]);

  const ort = await loadRuntime();
  const session = await createSession(graph.encode(), { device: 'cuda', optimisation: 'disabled' });
  const sent = Float32Array.from({ length: WIDTH }, (_, at) => at);
  const diagonal = Float32Array.from({ length: WIDTH ** 2 }, (_, at) => (at % (WIDTH + 1) === 0 ? 1 : 0));
  const answer = await session.run({
    x: new ort.Tensor('float32', sent, [1, WIDTH]),
    identity: new ort.Tensor('float32', diagonal, [WIDTH, WIDTH]),
  });
  const got = [...(answer['y']!.data as Float32Array)];
  if (got.some((number, at) => number !== sent[at])) throw new Error(`the GPU computed ${got} for ${[...sent]}`);
}
