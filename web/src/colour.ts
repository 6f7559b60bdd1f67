/** Colours, told apart with any kind of colour vision: around zero blue below and orange above; on one side of it from dark
 * to light, or the other way. Pure. */

export type Theme = "dark" | "light";
type Rgb = readonly [number, number, number];

/** From zero outwards, evenly spaced. Lightness rises (dark) or falls (light) steadily, so that grey prints read too. */
export const STOPS: Record<Theme, { negative: Rgb[]; positive: Rgb[] }> = {
  dark: {
    negative: [[16, 20, 28], [22, 52, 98], [36, 98, 178], [82, 158, 240], [198, 226, 255]],
    positive: [[16, 20, 28], [86, 42, 10], [168, 84, 14], [240, 144, 44], [255, 226, 178]],
  },
  light: {
    negative: [[250, 250, 249], [190, 217, 240], [112, 170, 219], [38, 110, 180], [8, 48, 107]],
    positive: [[250, 250, 249], [254, 217, 166], [246, 165, 77], [210, 98, 12], [112, 44, 4]],
  },
};

/** From the least to the greatest of what lies on one side of zero; lightness goes the same way. */
export const UNSIGNED_STOPS: Record<Theme, Rgb[]> = {
  dark: [[30, 26, 66], [38, 70, 118], [34, 116, 132], [74, 162, 126], [158, 204, 122], [240, 240, 176]],
  light: [[244, 243, 216], [188, 224, 184], [107, 187, 160], [42, 138, 140], [28, 90, 120], [22, 44, 84]],
};

/** Small values would all look like zero beside the few large strikes: the scale grows like this power of a value. */
export const POWER = 0.6;
const QUANTILE = 0.995;
const HALF = 255;

/** The bound of a scale that is the same on both sides: outliers lie beyond it and have its last colour. */
export function scaleBound(cells: Float64Array): number {
  const sizes = cells.filter((cell) => cell === cell && cell !== 0).map(Math.abs);
  return sizes.length ? ranked(sizes, Math.floor((sizes.length - 1) * QUANTILE)) || 1 : 1;
}

/** The value that would be at a place if all were sorted, without sorting them: while a session plays, a scale is sought
 * with every column. It changes the order of what it is given. */
export function ranked(values: Float64Array, place: number): number {
  let [low, high] = [0, values.length - 1];
  while (low < high) {
    const pivot = values[(low + high) >> 1]!;
    let [left, right] = [low, high];
    while (left <= right) {
      while (values[left]! < pivot) left += 1;
      while (values[right]! > pivot) right -= 1;
      if (left > right) break;
      const kept = values[left]!;
      values[left] = values[right]!;
      values[right] = kept;
      left += 1;
      right -= 1;
    }
    if (place <= right) high = right;
    else if (place >= left) low = left;
    else break;
  }
  return values[place]!;
}

/** Place of a value on the scale, -1 to 1. */
export function position(value: number, bound: number): number {
  const size = Math.min(1, Math.abs(value) / bound) ** POWER;
  return value < 0 ? -size : size;
}

/** The value at a place of the scale, -1 to 1. */
export function valueAt(place: number, bound: number): number {
  return Math.sign(place) * Math.abs(place) ** (1 / POWER) * bound;
}

/** 511 colours as little-endian RGBA, from -1 to 1. */
export function lookup(theme: Theme): Uint32Array {
  const table = new Uint32Array(2 * HALF + 1);
  for (let index = -HALF; index <= HALF; index += 1) {
    const [red, green, blue] = colourAt(index / HALF, theme);
    table[index + HALF] = (255 << 24) | (blue << 16) | (green << 8) | red;
  }
  return table;
}

export function indexOf(value: number, bound: number): number {
  return HALF + Math.round(position(value, bound) * HALF);
}

export function colourAt(place: number, theme: Theme): Rgb {
  return mixed(place < 0 ? STOPS[theme].negative : STOPS[theme].positive, Math.abs(place));
}

function mixed(stops: readonly Rgb[], part: number): Rgb {
  const along = Math.min(1, Math.max(0, part)) * (stops.length - 1);
  const before = Math.min(Math.floor(along), stops.length - 2);
  const [from, to] = [stops[before]!, stops[before + 1]!];
  const mix = (channel: 0 | 1 | 2) => Math.round(from[channel] + (to[channel] - from[channel]) * (along - before));
  return [mix(0), mix(1), mix(2)];
}

// ---- scales: the one around zero, and one from the least to the greatest -------------------------------------------

export interface Scale {
  readonly signed: boolean;
  readonly low: number;
  readonly high: number;
}

export const NO_SCALE: Scale = { signed: true, low: -1, high: 1 };

/** The scale of some cells. Outliers lie beyond its ends and have their colours. */
export function scaleOf(cells: Float64Array, signed: boolean): Scale {
  if (signed) {
    const bound = scaleBound(cells);
    return { signed, low: -bound, high: bound };
  }
  const known = cells.filter((cell) => cell === cell && cell !== 0);
  if (!known.length) return { signed, low: 0, high: 1 };
  const at = (part: number) => ranked(known, Math.floor((known.length - 1) * part));
  const [low, high] = [at(1 - QUANTILE), at(QUANTILE)];
  return { signed, low, high: high > low ? high : low + 1 };
}

/** The value at a part of the scale, 0 to 1. */
export function valueOn(part: number, { signed, low, high }: Scale): number {
  return signed ? valueAt(2 * part - 1, high) : low + part * (high - low);
}

/** The colour at a part of the scale, 0 to 1. */
export function colourOn(part: number, { signed }: Pick<Scale, "signed">, theme: Theme): Rgb {
  return signed ? colourAt(2 * part - 1, theme) : mixed(UNSIGNED_STOPS[theme], part);
}

/** Where a value is in the table of the scale's colours. */
export function indexOn(value: number, { signed, low, high }: Scale): number {
  if (signed) return indexOf(value, high);
  return Math.round(Math.min(1, Math.max(0, (value - low) / (high - low))) * 2 * HALF);
}

/** What a place on a scale follows from, once for all scales: the power is dear. */
export function powersOf(cells: Float64Array, signed: boolean): Float64Array {
  return signed ? cells.map((cell) => Math.sign(cell) * Math.abs(cell) ** POWER) : cells;
}

/** The same as `indexOn`, of such a power. */
export function indexOfPower(power: number, { signed, low, high }: Scale): number {
  if (signed) return HALF + Math.round(Math.max(-1, Math.min(1, power / high ** POWER)) * HALF);
  return Math.round(Math.min(1, Math.max(0, (power - low) / (high - low))) * 2 * HALF);
}

/** The colours of a scale as little-endian RGBA. */
export function tableOf(scale: Pick<Scale, "signed">, theme: Theme): Uint32Array {
  if (scale.signed) return lookup(theme);
  return Uint32Array.from({ length: 2 * HALF + 1 }, (_, index) => {
    const [red, green, blue] = colourOn(index / (2 * HALF), scale, theme);
    return ((255 << 24) | (blue << 16) | (green << 8) | red) >>> 0;
  });
}
