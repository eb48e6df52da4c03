import { expect, test } from 'vitest';
import { createSession, encodeModel, float, floats, GraphBuilder, int64s, loadRuntime } from '../src/index.ts';

async function run(graph: GraphBuilder, feeds: Record<string, [number[], number[]]>) {
  const ort = await loadRuntime();
  const session = await createSession(graph.encode());
  try {
    return await session.run(
      Object.fromEntries(
        Object.entries(feeds).map(([name, [dims, data]]) => [
          name,
          new ort.Tensor('float32', Float32Array.from(data), dims),
        ]),
      ),
    );
  } finally {
    await session.release();
  }
}

test('onnxruntime accepts every attribute kind, negative integers and a Scan body that uses outer names', async () => {
  const graph = new GraphBuilder('main');
  const x = graph.input('x', 'float32', [4, 2]);
  const body = new GraphBuilder('body');
  const row = body.input('body/row', 'float32', [1, 2]);
  // The weight is a constant of the graph around the body.
  const weight = graph.constant(floats([2, 2], [1, 2, 3, 4]));
  const product = body.node('Gemm', [row, weight], { transB: 1, alpha: float(1) });
  body.output(body.node('LogSoftmax', [product], { axis: -1 }, 'body/out'), 'float32', [1, 2]);
  const chunks = graph.reshape(x, [4, 1, 2]);
  const [scanned] = graph.nodes('Scan', [chunks], { num_scan_inputs: 1, body: body.graph() }, 1);
  const turned = graph.node('Transpose', [scanned!], { perm: [2, 1, 0] });
  const filled = graph.node('ConstantOfShape', [graph.integers([2, 1, 4])], { value: floats([1], [0.5]) });
  graph.output(graph.node('Add', [turned, filled], {}, 'y'), 'float32', [2, 1, 4]);

  const { y } = await run(graph, {
    x: [
      [4, 2],
      [1, 0, 0, 1, 1, 1, -1, 2],
    ],
  });
  const expected = [
    [1, 0],
    [0, 1],
    [1, 1],
    [-1, 2],
  ].map(([a, b]) => {
    const logits = [a! + 2 * b!, 3 * a! + 4 * b!];
    const sum = Math.log(Math.exp(logits[0]!) + Math.exp(logits[1]!));
    return logits.map((logit) => logit - sum + 0.5);
  });
  expect(y!.dims).toEqual([2, 1, 4]);
  const got = [...(y!.data as Float32Array)];
  for (const [index, row] of expected.entries()) {
    expect(got[index]).toBeCloseTo(row[0]!, 5);
    expect(got[index + 4]).toBeCloseTo(row[1]!, 5);
  }
});

test('a fraction without float() is refused by the encoder, not by onnxruntime later', () => {
  const graph = new GraphBuilder('main');
  graph.node('LeakyRelu', [graph.input('x', 'float32', [1])], { alpha: 0.5 });
  expect(() => encodeModel(graph.graph())).toThrow(/alpha: 0.5/);
});

test('equal constants are stored once, different types apart', () => {
  const graph = new GraphBuilder('main');
  expect(graph.integers([1, 2])).toBe(graph.integers([1, 2]));
  expect(graph.constant(int64s([], [0]))).not.toBe(graph.constant(floats([2], [0, 0])));
  expect(() => floats([3], [1])).toThrow(RangeError);
});
