export {
  ADAPTER_CONFIG_FILE,
  type AdapterConfig,
  parseAdapterConfig,
  readAdapterConfig,
} from './adapter/adapter-config.ts';
export { ADAPTER_WEIGHTS_FILE, type AdapterPair, type AdapterPlan, adapterPlan } from './adapter/adapter-plan.ts';
export { addLowRank } from './adapter/low-rank.ts';
export { FAMILIES } from './config/families/index.ts';
export * from './config/json-file.ts';
export * from './config/model-config.ts';
export type { RopeScaling } from './config/rope-config.ts';
export * from './config/tensors.ts';
export * from './config/traits.ts';
export * from './device/devices.ts';
export * from './device/require-device.ts';
export * from './graph/builder.ts';
export * from './graph/forward.ts';
export * from './graph/rope.ts';
export * from './measure/half-measurer.ts';
export * from './measure/measure-rows.ts';
export {
  createMeasurer,
  type MeasureOptions,
  type Measurer,
  type MeasurerOptions,
} from './measure/measurer.ts';
export * from './measure/shared-measurer.ts';
export type { TokenLosses } from './measure/token-losses.ts';
export * from './onnx/encode.ts';
export * from './onnx/tensor.ts';
export * from './runtime.ts';
export * from './safetensors/dtype.ts';
export { openSafetensorsFile, type TensorStore } from './safetensors/file.ts';
export * from './safetensors/folder.ts';
export type { TensorEntry } from './safetensors/header.ts';
export * from './safetensors/model-store.ts';
export * from './safetensors/write.ts';
export * from './tokenizer/chat-template.ts';
export { loadChatTokenizer, loadTokenizerFor } from './tokenizer/chat-tokenizer.ts';
export { loadTokenizer, type ModelTokenizer } from './tokenizer/load-tokenizer.ts';
export * from './train/index.ts';
export * from './weights/compare.ts';
export * from './weights/delta-sketch.ts';
export * from './weights/hold-weights.ts';
export * from './weights/load-weights.ts';
export { type MappedModelWeights, mapMerged, mapWeights } from './weights/mapped-weights.ts';
export { mergeAdapter, requireAdapterBase } from './weights/merge-adapter.ts';
export * from './weights/model-weights.ts';
