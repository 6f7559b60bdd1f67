/** The whole picture as one: the charts as they stand, with a title, the scale and, where it is due, the mark. */

import type { Inks } from "./charts/canvas";
import { colourOn, valueOn, type Scale } from "./colour";
import { compact } from "./format";

export interface Picture {
  title: string;
  subtitle: string;
  synthetic: boolean;
  /** Null where there are no cells. */
  scale: Scale | null;
  inks: Inks;
  /** Rows of charts; each chart is a stack of canvases. */
  rows: HTMLCanvasElement[][][];
  /** Lines below them. */
  notes: readonly string[];
}

const HEAD = 52;
const LINE = 18;
const NOTES = "12px system-ui, sans-serif";

export function picture(of: Picture): HTMLCanvasElement {
  const ratio = devicePixelRatio || 1;
  const size = (stack: HTMLCanvasElement[]) => ({ width: stack[0]?.width ?? 0, height: stack[0]?.height ?? 0 });
  const heights = of.rows.map((row) => Math.max(...row.map((stack) => size(stack).height)));
  const width = Math.max(...of.rows.map((row) => row.reduce((sum, stack) => sum + size(stack).width, 0)));
  const canvas = document.createElement("canvas");
  const context = canvas.getContext("2d")!;
  context.font = NOTES;
  const notes = of.notes.flatMap((note) => folded(note, width / ratio - 24, (text) => context.measureText(text).width));
  canvas.width = width;
  canvas.height = (HEAD + 8 + notes.length * LINE) * ratio + heights.reduce((sum, one) => sum + one, 0);
  context.fillStyle = of.inks.theme === "dark" ? "#0b0e14" : "#ffffff";
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.save();
  context.scale(ratio, ratio);
  drawHead(context, of, width / ratio);
  context.restore();
  let top = HEAD * ratio;
  of.rows.forEach((row, place) => {
    let left = 0;
    for (const stack of row) {
      for (const layer of stack) context.drawImage(layer, left, top);
      left += size(stack).width;
    }
    top += heights[place]!;
  });
  context.scale(ratio, ratio);
  context.font = NOTES;
  context.fillStyle = of.inks.text;
  context.textBaseline = "middle";
  notes.forEach((line, place) => context.fillText(line, 12, top / ratio + (place + 0.5) * LINE));
  return canvas;
}

/** A text in lines no wider than there is room, broken at spaces, or where one word is too long. */
export function folded(text: string, room: number, widthOf: (text: string) => number): string[] {
  const lines = [""];
  for (const word of text.split(/(?<= )/)) {
    if (lines.at(-1) && widthOf(lines.at(-1)! + word.trimEnd()) > room) lines.push("");
    for (const character of word) {
      if (lines.at(-1) && widthOf(lines.at(-1)! + character.trimEnd()) > room) lines.push("");
      lines.push(lines.pop()! + character);
    }
  }
  return lines.map((line) => line.trimEnd());
}

function drawHead(context: CanvasRenderingContext2D, of: Picture, width: number): void {
  context.textBaseline = "middle";
  context.fillStyle = of.inks.text;
  context.font = "600 15px system-ui, sans-serif";
  context.fillText(of.title, 12, 16);
  const after = 12 + context.measureText(of.title).width + 14;
  if (of.synthetic) {
    context.font = "700 11px system-ui, sans-serif";
    const mark = "SYNTHETIC";
    context.strokeStyle = context.fillStyle = of.inks.theme === "dark" ? "#ffd24d" : "#8a5a00";
    context.strokeRect(after, 7.5, context.measureText(mark).width + 12, 17);
    context.fillText(mark, after + 6, 16.5);
  }
  context.font = "12px system-ui, sans-serif";
  context.fillStyle = of.inks.dim;
  context.fillText(of.subtitle, 12, 38);
  const left = width - 220;
  const { scale } = of;
  if (!scale || left < 560) return;
  for (let x = 0; x < 200; x += 1) {
    const [red, green, blue] = colourOn(x / 200, scale, of.inks.theme);
    context.fillStyle = `rgb(${red},${green},${blue})`;
    context.fillRect(left + x, 10, 1.5, 9);
  }
  context.fillStyle = of.inks.dim;
  for (const [place, align] of [[0, "left"], [0.5, "center"], [1, "right"]] as const) {
    context.textAlign = align;
    context.fillText(compact(valueOn(place, scale)), left + place * 200, 30);
  }
  context.textAlign = "left";
}
