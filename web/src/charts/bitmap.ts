/** The cells of a view as a picture, one pixel each; drawing scales it. */

import { indexOfPower, powersOf, tableOf, type Scale, type Theme } from "../colour";
import type { SessionView } from "../view";

interface Bitmap {
  view: SessionView;
  theme: Theme;
  scale: Scale;
  canvas: HTMLCanvasElement;
  powers: Float64Array;
}

function paint({ view, theme, scale, canvas, powers }: Bitmap): void {
  const context = canvas.getContext("2d")!;
  const image = context.createImageData(canvas.width, canvas.height);
  const pixels = new Uint32Array(image.data.buffer);
  const table = tableOf(scale, theme);
  const rows = view.strikes.length;
  for (let row = 0; row < rows; row += 1) {
    const target = (rows - 1 - row) * view.columns;
    const source = row * view.columns;
    for (let column = 0; column < view.columns; column += 1) {
      const power = powers[source + column]!;
      if (power === power) pixels[target + column] = table[indexOfPower(power, scale)]!;
    }
  }
  context.putImageData(image, 0, 0);
}

export class Bitmaps {
  private bitmaps: Bitmap[] = [];

  constructor(private readonly most: number) {}

  /** Of a whole view, also where a part of it is drawn: while a session plays, only its width and its scale change. */
  of(view: SessionView, scale: Scale, theme: Theme): HTMLCanvasElement {
    const known = this.bitmaps.find((one) => one.view === view);
    if (known && known.theme === theme && known.scale === scale) return known.canvas;
    const canvas = known?.canvas ?? document.createElement("canvas");
    if (!known) [canvas.width, canvas.height] = [Math.max(1, view.columns), Math.max(1, view.strikes.length)];
    const powers = known?.scale.signed === scale.signed ? known.powers : powersOf(view.array("cells"), scale.signed);
    const bitmap = { view, theme, scale, canvas, powers };
    paint(bitmap);
    this.bitmaps = [...this.bitmaps.filter((one) => one !== known).slice(1 - this.most), bitmap];
    return canvas;
  }
}
