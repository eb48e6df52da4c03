import { labelNames } from './container-options.ts';
import { type Engine, statusOf } from './engine.ts';

/** Where coreutils and busybox put their programs. */
const FOLDERS = ['/usr/bin', '/bin'];
const NAMES = ['timeout', 'sh', 'du'] as const;

/** Paths of the programs by which a container holds itself to its bounds; those that an image has. */
export type Tools = Partial<Record<(typeof NAMES)[number], string>>;

/** Finds in images what containers need to hold themselves to their bounds while no daemon looks. */
export class ImageTools {
  readonly #engine: Engine;
  readonly #registry: string;
  /** By the engine's id of an image; what an image holds never changes. */
  readonly #known = new Map<string, Tools>();

  constructor(engine: Engine, registry: string) {
    this.#engine = engine;
    this.#registry = registry;
  }

  /** @throws what the engine answers */
  async of(image: string): Promise<Tools> {
    const tools = this.#known.get(image) ?? (await this.#look(image));
    this.#known.set(image, tools);
    return tools;
  }

  /** Looks into a container that is never started. */
  async #look(image: string): Promise<Tools> {
    const container = await this.#engine.short.createContainer({
      Image: image,
      Entrypoint: ['/bin/sh'],
      Labels: { [labelNames.registry]: this.#registry, [labelNames.job]: 'look' },
      HostConfig: { NetworkMode: 'none' },
    });
    const has = (path: string) =>
      container.infoArchive({ path }).then(
        () => true,
        (error: unknown) => {
          if (statusOf(error) !== 404) throw error;
          return false;
        },
      );
    try {
      const tools: Tools = {};
      for (const name of NAMES) {
        for (const folder of FOLDERS) {
          if (tools[name] === undefined && (await has(`${folder}/${name}`))) tools[name] = `${folder}/${name}`;
        }
      }
      return tools;
    } finally {
      await container.remove({ force: true, v: true });
    }
  }
}
