import { join } from 'node:path';
import type { ModelConfig } from '../config/model-config.ts';
import { modelTensors } from '../config/tensors.ts';
import type { ElementType, FileTensor } from '../onnx/tensor.ts';
import type { WeightDtype } from '../safetensors/dtype.ts';
import type { TensorStore } from '../safetensors/file.ts';
import { FloatFile, locationOf } from './float-file.ts';
import { mergedTensors } from './merge-adapter.ts';
import { checkTensors, requireTiedHead, type WeightReader } from './model-weights.ts';

const TYPES: Readonly<Record<WeightDtype, ElementType>> = { F32: 'float32', F16: 'float16', BF16: 'bfloat16' };
/** File of the tensors that an adapter changes, inside the scratch folder. */
const MERGED_FILE = 'merged-weights.f32';

/** Effective weights that stay in their files; whoever reads one gets a copy of its own. */
export interface MappedModelWeights extends WeightReader {
  get(name: string): Promise<Float32Array>;
  /** Where each tensor lies, for a graph; valid until `close`. */
  readonly tensors: ReadonlyMap<string, FileTensor>;
  close(): Promise<void>;
}

/**
 * The weights of a checked store without loading them: no more than one tensor is in memory at any time. Each is read once,
 * to be known as finite. Takes the store over: it is closed with the weights, and where this throws.
 *
 * The locations name the descriptors of the files that were checked, not their paths: a file that takes the place of one
 * afterwards, or a link, is never opened. Linux only. Nobody may write to the files while they are mapped: a file cut
 * short under its mapping ends the process.
 * @throws as `readWeights`.
 */
export async function mapWeights(config: ModelConfig, store: TensorStore): Promise<MappedModelWeights> {
  try {
    checkTensors(config, store);
    const tensors = new Map<string, FileTensor>();
    for (const name of modelTensors(config).keys()) {
      await store.read(name);
      tensors.set(name, stored(store, name));
    }
    const get = (name: string) => store.read(name);
    await requireTiedHead(config, store, { get });
    return { tensors, get, close: () => store.close() };
  } catch (error) {
    await store.close();
    throw error;
  }
}

/**
 * Mapped weights with the adapter of `dir` on top. What it changes is written to a new file in `scratchDir`, 4 bytes per
 * element; the rest stays where it is. Takes `base` over, as `mapWeights` does its store.
 * @throws as `mergeAdapter`.
 */
export async function mapMerged(
  config: ModelConfig,
  base: MappedModelWeights,
  dir: string,
  scratchDir: string,
): Promise<MappedModelWeights> {
  let file: FloatFile | undefined;
  const close = async () => {
    await file?.close();
    await base.close();
  };
  try {
    file = await FloatFile.create(join(scratchDir, MERGED_FILE));
    const into = file;
    const changed = new Map<string, FileTensor>();
    await mergedTensors(config, base, dir, async (name, values) => {
      changed.set(name, await into.add(values, base.tensors.get(name)!.dims));
    });
    return {
      tensors: new Map([...base.tensors].map(([name, tensor]) => [name, changed.get(name) ?? tensor])),
      get: async (name) => {
        const tensor = changed.get(name);
        return tensor ? into.read(tensor) : base.get(name);
      },
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

function stored(store: TensorStore, name: string): FileTensor {
  const { descriptor, entry } = store.locate(name);
  return {
    type: TYPES[entry.dtype],
    dims: entry.shape,
    location: locationOf(descriptor),
    offset: entry.begin,
    length: entry.end - entry.begin,
  };
}
