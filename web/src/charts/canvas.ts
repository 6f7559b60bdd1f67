/** What all charts share: a canvas as sharp as the screen, colours of the theme, and a plot inside margins. */

import { h } from "../dom";
import type { Theme } from "../colour";
import type { InkName } from "../record_types";

export interface Inks extends Record<InkName, string> {
  theme: Theme;
  text: string;
  dim: string;
  grid: string;
  panel: string;
  cursor: string;
  halo: string;
}

const DARK: Inks = {
  theme: "dark", text: "#d5dbe6", dim: "#8390a5", grid: "rgba(140,156,182,.13)", panel: "#10141c",
  spot: "#ffffff", zero: "#ff6ad5", calm: "#5ec4a8", positive: "#f0902c", negative: "#529ef0",
  positiveSoft: "#ffd9a0", negativeSoft: "#bcdcff", cursor: "#e8edf6", halo: "rgba(6,8,12,.85)",
};
const LIGHT: Inks = {
  theme: "light", text: "#1c2430", dim: "#5d6878", grid: "rgba(30,44,66,.11)", panel: "#fafaf9",
  spot: "#000000", zero: "#b3128a", calm: "#0f6b52", positive: "#d2620c", negative: "#266eb4",
  positiveSoft: "#8a3a06", negativeSoft: "#0b3f78", cursor: "#1c2430", halo: "rgba(255,255,255,.85)",
};

export function inks(theme: Theme): Inks {
  return theme === "dark" ? DARK : LIGHT;
}

export const FONT = '11px ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace';

export interface Plot {
  left: number;
  top: number;
  width: number;
  height: number;
}

/** Where the pointer is, in time and in price; null where the picture that it is over has no such axis. */
export interface Crosshair {
  readonly instant: number | null;
  readonly price: number | null;
}

export const NOWHERE: Crosshair = { instant: null, price: null };

/** A canvas that fills its box; `resized` is told of every change of its size. */
export class Surface {
  readonly canvas: HTMLCanvasElement;
  readonly context: CanvasRenderingContext2D;
  width = 0;
  height = 0;
  private ratio = 1;

  constructor(
    readonly box: HTMLElement,
    label: string,
    resized: () => void,
  ) {
    this.canvas = h("canvas", label ? { role: "img", "aria-label": label } : { "aria-hidden": "true" });
    box.append(this.canvas);
    this.context = this.canvas.getContext("2d")!;
    new ResizeObserver(() => {
      if (this.measure()) resized();
    }).observe(box);
    this.measure();
  }

  private measure(): boolean {
    const { clientWidth, clientHeight } = this.box;
    const ratio = window.devicePixelRatio || 1;
    if (clientWidth === this.width && clientHeight === this.height && ratio === this.ratio) return false;
    [this.width, this.height, this.ratio] = [clientWidth, clientHeight, ratio];
    this.canvas.width = Math.max(1, Math.round(clientWidth * ratio));
    this.canvas.height = Math.max(1, Math.round(clientHeight * ratio));
    return true;
  }

  /** Nothing on it, and CSS pixels as its unit. */
  clear(): CanvasRenderingContext2D {
    const { context } = this;
    context.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
    context.clearRect(0, 0, this.width, this.height);
    context.font = FONT;
    context.lineWidth = 1;
    context.textBaseline = "middle";
    context.setLineDash([]);
    return context;
  }
}

/** Half a pixel off, where a line of one pixel is sharp. */
export const crisp = (place: number) => Math.round(place) + 0.5;

/** A label on a plate, so that it can be read over anything. */
export function plate(
  context: CanvasRenderingContext2D,
  text: string,
  x: number,
  y: number,
  ink: string,
  ground: string,
  align: "left" | "right" | "center" = "left",
): void {
  const width = context.measureText(text).width + 8;
  const left = align === "left" ? x : align === "right" ? x - width : x - width / 2;
  context.fillStyle = ground;
  context.fillRect(left, y - 8, width, 16);
  context.fillStyle = ink;
  context.textAlign = "left";
  context.fillText(text, left + 4, y + 0.5);
}

/** Places as near to those wished for as they can be with `least` between any two. */
export function spread(wished: number[], least: number, low: number, high: number): number[] {
  const order = wished.map((place, index) => ({ place, index })).sort((one, other) => one.place - other.place);
  let before = low - least;
  for (const one of order) {
    one.place = Math.max(one.place, before + least);
    before = one.place;
  }
  let after = high + least;
  for (const one of order.reverse()) {
    one.place = Math.min(one.place, after - least);
    after = one.place;
  }
  const found = new Array<number>(wished.length);
  for (const { place, index } of order) found[index] = place;
  return found;
}
