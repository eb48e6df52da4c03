import { syntheticConfigSchema } from '@tuning/config';
import { exitCodeOf, Secret } from '@tuning/kit';
import { describe, expect, it } from 'vitest';
import { openGenerator } from '../src/synthetic-generator.ts';

const settings = (more: object) => syntheticConfigSchema.parse({ generator: 'llm', model: 'm', ...more });
const hosted = { endpoint: 'https://api.example.com/v1' };

describe('the configured generator', () => {
  it('is augment by default, and a language model where endpoint and model are named', () => {
    expect(openGenerator(syntheticConfigSchema.parse({}), undefined)).toMatchObject({
      name: 'augment',
      replayable: true,
    });
    const key = new Secret('sk-secret');
    expect(openGenerator(settings(hosted), key)).toMatchObject({ name: 'llm', replayable: false });
  });

  it.each(['http://127.0.0.1:8080/v1', 'http://localhost:8080/v1', 'http://[::1]:8080/v1'])(
    'needs no key on loopback: %s',
    (endpoint) => {
      expect(openGenerator(settings({ endpoint }), undefined).name).toBe('llm');
    },
  );

  it('needs a key elsewhere, unless it is told that there is none; exit code 78 and one line', () => {
    expect(openGenerator(settings({ ...hosted, api_key_env: 'none' }), undefined).name).toBe('llm');
    let found: unknown;
    try {
      openGenerator(settings({ ...hosted, api_key_env: 'MY_KEY' }), undefined);
    } catch (error) {
      found = error;
    }
    expect(exitCodeOf(found)).toBe(78);
    expect(found).toMatchObject({
      code: 'LLM_KEY_MISSING',
      message: expect.stringMatching(/^[^\n]*set MY_KEY or MY_KEY_FILE[^\n]*$/),
    });
    // Not loopback, though it looks like it.
    expect(() => openGenerator(settings({ endpoint: 'http://127.0.0.1.example.com/v1' }), undefined)).toThrow(
      'no API key',
    );
  });
});
