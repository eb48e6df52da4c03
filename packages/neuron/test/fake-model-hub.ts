import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { DownloadArgs, DownloadedFile, Hub, HubCallOptions, HubFile } from '@tuning/hub';

const CONFIG = fileURLToPath(new URL('../../devnet/assets/tiny-llama/config.json', import.meta.url));

/** A hub on which every repo is the same small model, with weights of a wanted size. */
export class FakeModelHub {
  weightBytes: number;
  /** Thrown by the next download, in its middle. */
  fault: Error | undefined;
  downloads = 0;
  /** The chat template of every repo. */
  template: string | undefined;

  constructor(weightBytes: number) {
    this.weightBytes = weightBytes;
  }

  list = async (): Promise<HubFile[]> => [
    { path: 'config.json', size: (await stat(CONFIG)).size },
    { path: 'tokenizer.json', size: 2 },
    { path: 'model.safetensors', size: this.weightBytes },
  ];

  download = async ({ to, accept }: DownloadArgs, _?: HubCallOptions): Promise<DownloadedFile[]> => {
    this.downloads += 1;
    await mkdir(to, { recursive: true });
    const files: Record<string, Buffer> = {
      'config.json': await readFile(CONFIG),
      'tokenizer.json': Buffer.from('{}'),
      'tokenizer_config.json': Buffer.from(JSON.stringify({ chat_template: this.template })),
      'model.safetensors': Buffer.alloc(this.weightBytes),
    };
    const wanted = Object.entries(files).filter(([path]) => accept?.(path) ?? true);
    for (const [path, content] of wanted) {
      await writeFile(join(to, path), content);
      const { fault } = this;
      this.fault = undefined;
      if (fault) throw fault;
    }
    return wanted.map(([path, content]) => ({ path, size: content.length, sha256: '' }));
  };

  resolve = async ({ revision }: { revision?: string }) => ({ revision: revision ?? 'a'.repeat(40), private: false });

  asHub(): Hub {
    return this as unknown as Hub;
  }
}
