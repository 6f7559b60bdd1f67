/** The sums of the ladder through time, on the heatmap's axis of time, and the moments of the largest changes. */

import type { Theme } from "../colour";
import { compact, niceCeiling } from "../format";
import type { SeriesName, SessionView } from "../view";
import type { Range } from "../window";
import { crisp, inks, Surface, type Inks } from "./canvas";
import { AXIS, line } from "./heatmap";

export interface SumsModel {
  overview: SessionView;
  detail: SessionView | null;
  time: Range;
  instant: number;
  value: string;
  theme: Theme;
}

/** The least and the greatest in view, zero among them: an area that did not begin at zero would lie. */
function extent(view: SessionView, series: "sum_gex_vol" | "sum_gex_oi", time: Range): [number, number] {
  const [times, least, most] = [view.array("time"), view.array(`${series}_min`), view.array(`${series}_max`)];
  let [low, high] = [0, 0];
  for (let column = 0; column < view.columns; column += 1) {
    if (times[column]! < time.low || times[column]! - view.head.column_seconds > time.high) continue;
    if (least[column]! < low) low = least[column]!;
    if (most[column]! > high) high = most[column]!;
  }
  return [low, high];
}

const LANES: readonly { series: "sum_gex_vol" | "sum_gex_oi"; name: string }[] = [
  { series: "sum_gex_vol", name: "Σ vol" },
  { series: "sum_gex_oi", name: "Σ OI" },
];

export class Sums {
  private readonly base: Surface;
  private readonly top: Surface;
  private model: SumsModel | null = null;

  constructor(readonly box: HTMLElement) {
    this.base = new Surface(box, "", () => this.draw());
    this.top = new Surface(box, "Sums of gamma exposure through time", () => this.drawCursor());
  }

  get canvases(): HTMLCanvasElement[] {
    return [this.base.canvas, this.top.canvas];
  }

  show(model: SumsModel): void {
    this.model = model;
    this.draw();
  }

  moveTo(instant: number): void {
    if (!this.model) return;
    this.model = { ...this.model, instant };
    this.drawCursor();
  }

  private get width(): number {
    return Math.max(10, this.base.width - AXIS - 8);
  }

  private x(instant: number): number {
    const { low, high } = this.model!.time;
    return AXIS + ((instant - low) / (high - low)) * this.width;
  }

  instantAt(x: number): number {
    const { low, high } = this.model!.time;
    return low + ((x - AXIS) / this.width) * (high - low);
  }

  draw(): void {
    const { model } = this;
    if (!model || !this.base.width) return;
    const context = this.base.clear();
    const ink = inks(model.theme);
    const height = (this.base.height - 4) / LANES.length;
    LANES.forEach((lane, place) => this.drawLane(context, ink, lane, place * height, height - 4));
    this.drawCursor();
  }

  private drawLane(context: CanvasRenderingContext2D, ink: Inks, lane: (typeof LANES)[number], top: number, height: number): void {
    const model = this.model!;
    const isEmpty = model.overview.array(lane.series).every((value) => !value);
    let [low, high] = extent(model.overview, lane.series, model.time);
    low = low < 0 ? -niceCeiling(-low) : 0;
    high = high > 0 ? niceCeiling(high) : 0;
    if (low === high) high = 1;
    const y = (value: number) => top + 3 + ((high - value) / (high - low)) * (height - 6);
    context.fillStyle = ink.panel;
    context.fillRect(AXIS, top, this.width, height);
    context.fillStyle = ink.text;
    context.textAlign = "left";
    context.fillText(lane.name, 8, top + height / 2);
    if (isEmpty) {
      context.fillStyle = ink.dim;
      context.fillText("this feed has none", AXIS + 10, top + height / 2);
    } else {
      context.fillStyle = ink.dim;
      context.textAlign = "right";
      if (high > 0) context.fillText(compact(high), AXIS - 6, top + 8);
      if (low < -0.12 * high) context.fillText(compact(low), AXIS - 6, top + height - 7);
      context.strokeStyle = ink.grid;
      line(context, AXIS, crisp(y(0)), AXIS + this.width, crisp(y(0)));
      context.save();
      context.beginPath();
      context.rect(AXIS, top, this.width, height);
      context.clip();
      const views = model.detail ? [model.overview, model.detail] : [model.overview];
      for (const view of views) {
        if (view === model.detail) {
          context.fillStyle = ink.panel;
          context.fillRect(this.x(view.start), top, this.x(view.end) - this.x(view.start), height);
          context.strokeStyle = ink.grid;
          line(context, AXIS, crisp(y(0)), AXIS + this.width, crisp(y(0)));
        }
        this.trace(context, view, lane.series, y, ink);
      }
      if (lane.series === `sum_${model.value}`) this.drawMoves(context, ink, top, height);
      context.restore();
    }
    context.strokeStyle = ink.grid;
    context.strokeRect(crisp(AXIS) - 1, crisp(top), this.width + 1, height - 1);
  }

  /** Filled down to zero, and a line from the least to the greatest of each column, so that no spike is lost. */
  private trace(context: CanvasRenderingContext2D, view: SessionView, series: SeriesName, y: (value: number) => number, ink: Inks): void {
    const times = view.array("time");
    const values = view.array(series);
    const least = view.array(`${series}_min` as SeriesName);
    const most = view.array(`${series}_max` as SeriesName);
    context.globalAlpha = 0.28;
    for (const side of [1, -1]) {
      const area = new Path2D();
      let last = NaN;
      for (let column = 0; column < view.columns; column += 1) {
        const value = values[column]!;
        const x = this.x(times[column]!);
        if (value !== value) {
          if (last === last) area.lineTo(last, y(0));
          last = NaN;
          continue;
        }
        if (last !== last) area.moveTo(x, y(0));
        area.lineTo(x, y(value * side > 0 ? value : 0));
        last = x;
      }
      if (last === last) area.lineTo(last, y(0));
      context.fillStyle = side > 0 ? ink.positive : ink.negative;
      context.fill(area);
    }
    context.globalAlpha = 1;
    context.strokeStyle = ink.text;
    context.lineWidth = 1.1;
    context.beginPath();
    let down = false;
    for (let column = 0; column < view.columns; column += 1) {
      const value = values[column]!;
      if (value !== value) {
        down = false;
        continue;
      }
      const x = this.x(times[column]!);
      if (down) context.lineTo(x, y(least[column]!));
      else context.moveTo(x, y(least[column]!));
      context.lineTo(x, y(most[column]!));
      context.lineTo(x, y(value));
      down = true;
    }
    context.stroke();
    context.lineWidth = 1;
  }

  private drawMoves(context: CanvasRenderingContext2D, ink: Inks, top: number, height: number): void {
    for (const [instant, change] of this.model!.overview.head.moves) {
      const x = this.x(instant);
      context.fillStyle = change > 0 ? ink.positive : ink.negative;
      context.beginPath();
      context.moveTo(x, top + height - 7);
      context.lineTo(x - 3.5, top + height - 1);
      context.lineTo(x + 3.5, top + height - 1);
      context.fill();
    }
  }

  drawCursor(): void {
    const { model } = this;
    if (!model || !this.top.width) return;
    const context = this.top.clear();
    const x = this.x(model.instant);
    if (x < AXIS - 1 || x > AXIS + this.width + 1) return;
    context.strokeStyle = inks(model.theme).cursor;
    line(context, crisp(x), 0, crisp(x), this.top.height - 6);
  }
}
