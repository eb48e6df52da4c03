import { printable } from '../text-table.ts';

/** Change of one weight against the base: ‖w − w₀‖ / ‖w₀‖. */
export interface Delta {
  readonly name: string;
  readonly relative: number;
}

interface Cell {
  /** Layer number, or undefined for what stands outside of the layers. */
  readonly layer: number | undefined;
  readonly kind: string;
  readonly relative: number;
}

/** From this change on a cell has the shade; the last that fits is taken. Colours of the 256-colour table. */
const SHADES = [
  { from: 0, mark: '.', colour: 238, text: 'none' },
  { from: 1e-6, mark: '-', colour: 24, text: '1e-6' },
  { from: 1e-4, mark: '░', colour: 31, text: '1e-4' },
  { from: 1e-3, mark: '▒', colour: 71, text: '1e-3' },
  { from: 1e-2, mark: '▓', colour: 178, text: '1e-2' },
  { from: 1e-1, mark: '█', colour: 160, text: '0.1' },
] as const;

/**
 * The changes of a model's weights as a picture: a line per layer, a column per kind of tensor, shaded by the order of
 * magnitude of the change. The scale is fixed, so that two pictures can be laid side by side.
 * @param colour with ANSI colours, for a terminal; the marks alone say the same.
 */
export function deltaMap(deltas: readonly Delta[], colour: boolean): string {
  const cells = deltas.map(toCell);
  const inLayers = cells.filter(({ layer }) => layer !== undefined);
  const layers = [...new Set(inLayers.map(({ layer }) => layer!))].sort((a, b) => a - b);
  const kinds = [...new Set(inLayers.map(({ kind }) => kind))];
  const at = new Map(inLayers.map((cell) => [`${cell.layer} ${cell.kind}`, cell.relative]));
  const label = Math.max(5, ...cells.filter(({ layer }) => layer === undefined).map(({ kind }) => kind.length));
  const lines: string[] = [];
  const widths = kinds.map((kind) => Math.max(3, kind.length));
  if (layers.length > 0) {
    const titles = kinds.map((kind, column) => kind.padEnd(widths[column]!));
    lines.push([''.padEnd(label), ...titles].join(' ').trimEnd());
  }
  for (const layer of layers) {
    const row = kinds.map((kind, column) => {
      const relative = at.get(`${layer} ${kind}`);
      return relative === undefined ? ' '.repeat(widths[column]!) : shade(relative, widths[column]!, colour);
    });
    lines.push([String(layer).padStart(label), ...row].join(' ').trimEnd());
  }
  for (const { layer, kind, relative } of cells) {
    if (layer !== undefined) continue;
    lines.push(`${kind.padStart(label)} ${shade(relative, 4, colour)} ${relative.toExponential(2)}`);
  }
  const legend = SHADES.map(({ from, text }) => `${shade(from, 2, colour)} ${text}`).join('  ');
  lines.push(`${''.padEnd(label)} ${legend}  and more: relative change of a tensor`);
  return lines.map((line) => `${line}\n`).join('');
}

function shade(relative: number, width: number, colour: boolean): string {
  const { mark, colour: code } = SHADES.findLast(({ from }) => relative >= from) ?? SHADES[0];
  const text = mark.repeat(width);
  return colour ? `\u001b[38;5;${code}m${text}\u001b[0m` : text;
}

/** `model.layers.3.self_attn.q_proj.weight` is `q` of layer 3, `transformer.h.3.ln_1.bias` is `ln_1.bias`. */
function toCell({ name, relative }: Delta): Cell {
  const [, layer, inner] = /(?:^|\.)(?:layers|h)\.(\d{1,5})\.(.+)$/.exec(name) ?? [];
  const path = (inner ?? name).replace(/\.weight$/, '').split('.');
  // A bias is named with its tensor.
  const last = path.at(-1) === 'bias' ? path.slice(-2).join('.') : path.at(-1)!;
  const kind = printable(last.replace('_proj', '').replace('_layernorm', '_norm')).slice(0, 24);
  return { layer: layer === undefined ? undefined : Number(layer), kind, relative };
}
