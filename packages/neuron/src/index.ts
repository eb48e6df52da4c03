export { announcedAddress, ROLE, type Role, WIRE_VERSION } from './axon.ts';
export type { DataFolder } from './data-folder.ts';
export { type Intake, type IntakePlace, type LocalFiles, localFilesOf, takeInDataset } from './dataset-intake.ts';
export { checkBinding, createHttpServer, HttpError, listenHttp } from './http-server.ts';
export { MetagraphView } from './metagraph-view.ts';
export { type BaseModel, ModelCache, type ModelFacts } from './model-cache.ts';
export { type Neuron, type NeuronSecrets, openNeuron } from './neuron.ts';
export { formatTao } from './registration.ts';
export { Turnstile } from './turnstile.ts';
