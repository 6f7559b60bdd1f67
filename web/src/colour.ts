/** Colours for values around zero, told apart with any kind of colour vision: blue below, orange above. Pure. */

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

/** Small values would all look like zero beside the few large strikes: the scale grows like this power of a value. */
export const POWER = 0.6;
const QUANTILE = 0.995;
const HALF = 255;

/** The bound of a scale that is the same on both sides: outliers lie beyond it and have its last colour. */
export function scaleBound(cells: Float64Array): number {
  const sizes: number[] = [];
  for (const cell of cells) if (cell === cell && cell !== 0) sizes.push(Math.abs(cell));
  if (!sizes.length) return 1;
  const sorted = Float64Array.from(sizes).sort();
  return sorted[Math.floor((sorted.length - 1) * QUANTILE)] || 1;
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
  const stops = place < 0 ? STOPS[theme].negative : STOPS[theme].positive;
  const along = Math.min(1, Math.abs(place)) * (stops.length - 1);
  const before = Math.min(Math.floor(along), stops.length - 2);
  const [from, to] = [stops[before]!, stops[before + 1]!];
  const mix = (channel: 0 | 1 | 2) => Math.round(from[channel] + (to[channel] - from[channel]) * (along - before));
  return [mix(0), mix(1), mix(2)];
}
