/** All weights of a model as float32, by Hugging Face name, with the shapes of `modelTensors`. */
export type ModelWeights = ReadonlyMap<string, Float32Array>;
