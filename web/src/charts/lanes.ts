/** Lanes of time series on one axis of time, with one cursor: the sums under the heatmap, or whatever a reader chose. */

import type { Theme } from "../colour";
import { compact, fixed, niceCeiling, niceStep } from "../format";
import type { Lane, LaneSeries } from "../record_types";
import { newYork, tickText, timeTicks } from "../time";
import type { SessionView } from "../view";
import type { Range } from "../window";
import { crisp, inks, NOWHERE, plate, Surface, type Crosshair, type Inks, type Plot } from "./canvas";
import { AXIS, FOOT, line } from "./heatmap";

export interface LanesModel {
  overview: SessionView;
  detail: SessionView | null;
  lanes: readonly Lane[];
  time: Range;
  instant: number;
  /** The series whose largest changes the session names. */
  moving: string;
  /** Whether hours stand below: not where the heatmap has them. */
  axis: boolean;
  theme: Theme;
}

/** A word of a lane's key: its title, or one of its series. */
interface Word {
  text: string;
  series: LaneSeries | null;
  x: number;
  row: number;
}

interface Placed {
  lane: Lane;
  key: Word[];
  top: number;
  /** Where the lines begin, below the key. */
  head: number;
  height: number;
  range: Range;
}

const GAP = 4;
const ROW = 14;
const MARK = 16;

/** The least and the greatest in view of the lane's series. */
export function extentOf(view: SessionView, { form, price, series }: Lane, time: Range): Range {
  const times = view.array("time");
  // An area that did not begin at zero would lie.
  let [low, high] = form === "area" ? [0, 0] : [Infinity, -Infinity];
  for (const { name } of series) {
    const [least, most] = extremes(view, name);
    for (let column = 0; column < view.columns; column += 1) {
      if (times[column]! < time.low || times[column]! - view.head.column_seconds > time.high) continue;
      if (price && !least[column]) continue;
      if (least[column]! < low) low = least[column]!;
      if (most[column]! > high) high = most[column]!;
    }
  }
  return { low, high };
}

function extremes(view: SessionView, name: string): [Float64Array, Float64Array] {
  return view.has(`${name}_min`) ? [view.array(`${name}_min`), view.array(`${name}_max`)] : [view.array(name), view.array(name)];
}

/** The words of a lane's key from left to right, in further rows where one is too short. */
export function keyOf({ form, title, series }: Lane, from: number, to: number, widthOf: (text: string) => number): Word[] {
  if (form === "area") return [];
  const words = [{ text: title, series: null as LaneSeries | null }, ...series.filter(({ text }) => text !== title.toLowerCase()).map((one) => ({ text: one.text, series: one }))];
  let [x, row] = [from, 0];
  return words.map((word) => {
    const width = widthOf(word.text) + (word.series ? MARK : 0) + 10;
    if (x + width > to && x > from) [x, row] = [from, row + 1];
    const placed = { ...word, x, row };
    x += width;
    return placed;
  });
}

/** From where to where a lane is drawn: an area from round bounds around zero, lines with a little room. */
export function scaleOfLane(extent: Range, { form }: Pick<Lane, "form">): Range {
  let { low, high } = extent;
  if (form === "area") {
    low = low < 0 ? -niceCeiling(-low) : 0;
    high = high > 0 ? niceCeiling(high) : 0;
    return low === high ? { low: 0, high: 1 } : { low, high };
  }
  if (low > high) return { low: 0, high: 1 };
  const room = (high - low) * 0.08 || Math.abs(high) * 0.01 || 1;
  return { low: low - room, high: high + room };
}

export class Lanes {
  private readonly base: Surface;
  private readonly top: Surface;
  private model: LanesModel | null = null;
  private pointed: Crosshair = NOWHERE;

  constructor(readonly box: HTMLElement, label: string) {
    this.base = new Surface(box, "", () => this.draw());
    this.top = new Surface(box, label, () => this.drawCursor());
  }

  get canvases(): HTMLCanvasElement[] {
    return [this.base.canvas, this.top.canvas];
  }

  describe(text: string): void {
    this.top.canvas.setAttribute("aria-label", text);
  }

  show(model: LanesModel): void {
    this.model = model;
    this.draw();
  }

  /** Where the pointer is, in whichever picture. */
  point(place: Crosshair): void {
    this.pointed = place;
    this.drawCursor();
  }

  moveTo(instant: number): void {
    if (!this.model) return;
    this.model = { ...this.model, instant };
    this.drawCursor();
  }

  get plot(): Plot {
    return { left: AXIS, top: 0, width: Math.max(10, this.base.width - AXIS - 8), height: Math.max(10, this.base.height - (this.model?.axis ? FOOT : 0)) };
  }

  private x(instant: number): number {
    const { low, high } = this.model!.time;
    return AXIS + ((instant - low) / (high - low)) * this.plot.width;
  }

  instantAt(x: number): number {
    const { low, high } = this.model!.time;
    return low + ((x - AXIS) / this.plot.width) * (high - low);
  }

  isInside(x: number, y: number): boolean {
    const { left, top, width, height } = this.plot;
    return this.model !== null && x >= left && x <= left + width && y >= top && y <= top + height;
  }

  /** The lane at a height. */
  laneAt(y: number): Lane | null {
    const { lanes } = this.model!;
    return lanes[Math.floor((y / this.plot.height) * lanes.length)] ?? null;
  }

  /** The finest view that shows an instant. */
  viewAt(instant: number): SessionView {
    const { detail, overview } = this.model!;
    return detail && instant >= detail.start && instant <= detail.end ? detail : overview;
  }

  /** The lanes where they are drawn, with their scales. */
  private placed({ lanes, overview, time }: LanesModel): Placed[] {
    const height = this.plot.height / Math.max(1, lanes.length);
    return lanes.map((lane, place) => {
      const key = keyOf(lane, AXIS + 6, AXIS + this.plot.width, (text) => this.base.context.measureText(text).width);
      const head = key.length ? ROW * (key.at(-1)!.row + 1) + 2 : 0;
      return { lane, key, head, top: place * height, height: height - GAP, range: scaleOfLane(extentOf(overview, lane, time), lane) };
    });
  }

  draw(): void {
    const { model, plot } = this;
    if (!model || !this.base.width) return;
    const context = this.base.clear();
    const ink = inks(model.theme);
    const placed = this.placed(model);
    for (const one of placed) this.drawLane(context, ink, one);
    if (model.axis) this.drawHours(context, ink);
    this.box.dataset.plot = JSON.stringify(plot);
    this.box.dataset.window = JSON.stringify({ time: model.time });
    this.box.dataset.detail = model.detail ? `${model.detail.start} ${model.detail.end}` : "";
    this.box.dataset.lanes = JSON.stringify(placed.map(({ lane, top, head, height, range }) => ({ title: lane.title, series: lane.series.map(({ name }) => name), top: top + head + 3, height: height - head - 6, ...range })));
    this.drawCursor();
  }

  private y({ top, head, height, range }: Placed, value: number): number {
    return top + head + 3 + ((range.high - value) / (range.high - range.low)) * (height - head - 6);
  }

  private drawLane(context: CanvasRenderingContext2D, ink: Inks, placed: Placed): void {
    const { lane, top, height } = placed;
    const model = this.model!;
    const { width } = this.plot;
    context.fillStyle = ink.panel;
    context.fillRect(AXIS, top, width, height);
    const isEmpty = lane.series.every(({ name }) => model.overview.array(name).every((value) => !value));
    if (lane.form === "area") {
      context.fillStyle = ink.text;
      context.textAlign = "left";
      context.fillText(lane.title, 8, top + height / 2);
    }
    if (isEmpty) {
      context.fillStyle = ink.dim;
      context.textAlign = "left";
      context.fillText(lane.form === "area" ? "this feed has none" : `${lane.title}: nothing but 0 today`, AXIS + 10, top + height / 2);
    } else {
      this.drawScale(context, ink, placed);
      context.save();
      context.beginPath();
      context.rect(AXIS, top, width, height);
      context.clip();
      for (const series of lane.series) this.drawSeries(context, ink, placed, series);
      if (lane.series.some(({ name }) => name === model.moving)) this.drawMoves(context, ink, top, height);
      if (lane.form === "lines") this.drawKey(context, ink, placed);
      context.restore();
    }
    context.strokeStyle = ink.grid;
    context.setLineDash([]);
    context.strokeRect(crisp(AXIS) - 1, crisp(top), width + 1, height - 1);
  }

  private drawScale(context: CanvasRenderingContext2D, ink: Inks, placed: Placed): void {
    const { lane, top, height, range: { low, high } } = placed;
    context.fillStyle = ink.dim;
    context.strokeStyle = ink.grid;
    context.textAlign = "right";
    const right = AXIS + this.plot.width;
    if (lane.form === "area") {
      if (high > 0) context.fillText(compact(high), AXIS - 6, top + 8);
      if (low < -0.12 * high) context.fillText(compact(low), AXIS - 6, top + height - 7);
      line(context, AXIS, crisp(this.y(placed, 0)), right, crisp(this.y(placed, 0)));
      return;
    }
    const step = niceStep(high - low, (height - placed.head) / 22);
    for (let count = Math.ceil(low / step); count * step <= high; count += 1) {
      const y = this.y(placed, count * step);
      context.strokeStyle = count ? ink.grid : ink.dim;
      line(context, AXIS, crisp(y), right, crisp(y));
      if (y > top + 5 && y < top + height - 4) context.fillText(lane.price ? fixed(count * step, step < 1 ? 2 : 0) : compact(count * step), AXIS - 6, y);
    }
  }

  private drawSeries(context: CanvasRenderingContext2D, ink: Inks, placed: Placed, series: LaneSeries): void {
    const { lane } = placed;
    const { detail, overview } = this.model!;
    const isArea = lane.form === "area";
    // Where the detail is, it alone is drawn.
    const parts: [SessionView, number, number][] = detail
      ? [[overview, -Infinity, detail.start], [detail, detail.start, detail.end], [overview, detail.end, Infinity]]
      : [[overview, -Infinity, Infinity]];
    for (const [view, from, to] of parts) {
      if (isArea) this.fillArea(context, view, placed, series, ink, from, to);
      context.strokeStyle = isArea ? ink.text : ink[series.ink];
      context.lineWidth = 1.1;
      context.setLineDash([...series.dash]);
      this.strokeLine(context, view, placed, series, from, to);
      context.setLineDash([]);
      context.lineWidth = 1;
    }
  }

  /** Filled down to zero: orange above, blue below. */
  private fillArea(context: CanvasRenderingContext2D, view: SessionView, placed: Placed, { name }: LaneSeries, ink: Inks, from: number, to: number): void {
    const [times, values] = [view.array("time"), view.array(name)];
    const zero = this.y(placed, 0);
    context.globalAlpha = 0.28;
    for (const side of [1, -1]) {
      const area = new Path2D();
      let last = NaN;
      for (let column = 0; column < view.columns; column += 1) {
        const value = times[column]! > from && times[column]! <= to ? values[column]! : NaN;
        const x = this.x(times[column]!);
        if (value !== value) {
          if (last === last) area.lineTo(last, zero);
          last = NaN;
          continue;
        }
        if (last !== last) area.moveTo(x, zero);
        area.lineTo(x, value * side > 0 ? this.y(placed, value) : zero);
        last = x;
      }
      if (last === last) area.lineTo(last, zero);
      context.fillStyle = side > 0 ? ink.positive : ink.negative;
      context.fill(area);
    }
    context.globalAlpha = 1;
  }

  /** A line from the least to the greatest of each column, so that no spike is lost. */
  private strokeLine(context: CanvasRenderingContext2D, view: SessionView, placed: Placed, { name }: LaneSeries, from: number, to: number): void {
    const [times, values] = [view.array("time"), view.array(name)];
    const [least, most] = extremes(view, name);
    const { low, high } = this.model!.time;
    const margin = view.head.column_seconds;
    context.beginPath();
    let down = false;
    for (let column = 0; column < view.columns; column += 1) {
      const time = times[column]!;
      if (time <= from || time > to || time < low - margin || time > high + margin) continue;
      const value = values[column]!;
      if (value !== value || (placed.lane.price && !value)) {  // no snapshot; a price of 0 is none
        down = false;
        continue;
      }
      const x = this.x(time);
      context[down ? "lineTo" : "moveTo"](x, this.y(placed, least[column]!));
      context.lineTo(x, this.y(placed, most[column]!));
      context.lineTo(x, this.y(placed, value));
      down = true;
    }
    context.stroke();
  }

  private drawMoves(context: CanvasRenderingContext2D, ink: Inks, top: number, height: number): void {
    for (const [instant, change] of this.model!.overview.moves) {
      const x = this.x(instant);
      context.fillStyle = change > 0 ? ink.positive : ink.negative;
      context.beginPath();
      context.moveTo(x, top + height - 7);
      context.lineTo(x - 3.5, top + height - 1);
      context.lineTo(x + 3.5, top + height - 1);
      context.fill();
    }
  }

  /** What is drawn in which colour, above the lines. */
  private drawKey(context: CanvasRenderingContext2D, ink: Inks, { key, top }: Placed): void {
    context.textAlign = "left";
    for (const { text, series, x, row } of key) {
      const y = top + 9 + row * ROW;
      context.fillStyle = ink.text;
      context.fillText(text, x + (series ? MARK : 0), y);
      if (!series) continue;
      context.strokeStyle = ink[series.ink];
      context.setLineDash([...series.dash]);
      context.lineWidth = 2;
      line(context, x, y, x + MARK - 4, y);
      context.lineWidth = 1;
      context.setLineDash([]);
    }
  }

  private drawHours(context: CanvasRenderingContext2D, ink: Inks): void {
    const { left, width, height } = this.plot;
    const { low, high } = this.model!.time;
    const { instants, step } = timeTicks(low, high, width / 72);
    context.textAlign = "center";
    context.fillStyle = ink.dim;
    context.strokeStyle = ink.grid;
    for (const instant of instants) {
      line(context, crisp(this.x(instant)), 0, crisp(this.x(instant)), height - GAP);
      context.fillText(tickText(instant, step), Math.min(Math.max(this.x(instant), left + 18), left + width - 18), height + 11);
    }
  }

  drawCursor(): void {
    const { model, plot } = this;
    if (!model || !this.top.width) return;
    const context = this.top.clear();
    const ink = inks(model.theme);
    const pointed = this.pointed.instant === null ? NaN : this.x(this.pointed.instant);
    const isPointed = this.isInside(pointed, 0);
    this.box.dataset.pointed = isPointed ? String(Math.round(pointed)) : "";
    if (isPointed) {
      context.strokeStyle = ink.dim;
      context.setLineDash([2, 3]);
      line(context, crisp(pointed), 0, crisp(pointed), plot.height - GAP);
      context.setLineDash([]);
      if (model.axis) plate(context, newYork(this.pointed.instant!), Math.min(Math.max(pointed, plot.left + 30), plot.left + plot.width - 30), plot.height + 11, ink.panel, ink.dim, "center");
    }
    const x = this.x(model.instant);
    if (x < AXIS - 1 || x > AXIS + plot.width + 1) return;
    context.strokeStyle = ink.cursor;
    line(context, crisp(x), 0, crisp(x), model.axis ? plot.height - GAP : this.top.height - 6);
    if (!model.axis) return;
    const centre = Math.min(Math.max(x, plot.left + 30), plot.left + plot.width - 30);
    plate(context, newYork(model.instant), centre, plot.height + 11, ink.panel, ink.cursor, "center");
  }
}
