import { BadInputError } from '@tuning/kit';
import { ScaleReader } from '../../../scale/bytes.ts';
import type { RuntimeState } from '../../runtime.ts';
import type { RuntimeApi } from '../metadata/runtime-api.ts';
import { runtimeCodecs } from '../runtime-types.ts';

/** Runs `Trait_method` with SCALE arguments; undefined when there is no such method. */
export function callRuntimeApi(
  apis: readonly RuntimeApi[],
  state: RuntimeState,
  name: string,
  args: Uint8Array,
): Uint8Array | undefined {
  const at = name.indexOf('_');
  const method = apis.find((api) => api.name === name.slice(0, at))?.methods[name.slice(at + 1)];
  if (!method) return undefined;
  const reader = new ScaleReader(args);
  const values = Object.values(method.inputs).map((type) => runtimeCodecs.codec(type).decodeFrom(reader));
  if (reader.remaining > 0) {
    throw new BadInputError('SCALE_INVALID', `${name}: ${reader.remaining} bytes are left after the arguments`);
  }
  return runtimeCodecs.encode(method.output, method.run(state, values));
}
