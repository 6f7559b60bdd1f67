/** All keys, in a dialog. */

import { h } from "./dom";

const KEYS: readonly [string, readonly [string, string][]][] = [
  ["Time", [
    ["← →", "a second back, forward"],
    ["Shift ← →", "a minute"],
    ["Page Up, Page Down", "ten minutes forward, back"],
    [", .", "previous, next largest change of the sum over a minute, where there is one"],
    ["Home", "first snapshot"],
    ["End F", "the newest snapshot, and on with it as more come; F ends it"],
    ["Space", "play, pause"],
    ["H", "hide what comes later than the second; playing does so by itself"],
    ["1 2 3 4 5", "speed: 1×, 5×, 15×, 60×, 300×"],
    ["B N", "previous, next session"],
  ]],
  ["Picture", [
    ["↑ ↓", "choose a strike; its values are at the side"],
    ["+ −", "zoom time; also the mouse wheel; sideways it moves"],
    ["E Q", "zoom strikes; also Shift and wheel"],
    ["A D", "move in time; also drag"],
    ["W S", "move in strikes"],
    ["M Shift M", "half an hour, an hour around the second"],
    ["0", "whole session; also double click"],
    ["Shift and drag", "a box to look at; dragging an axis scales it"],
    ["Backspace Z", "what was in view before"],
    ["G", "by how much it has changed over 1, 5, 15, 30 minutes"],
    ["X", "prices at the axis, or points or percent from spot"],
    ["V", "what the cells show: volume or open interest, value or IV"],
    ["Esc", "no strike chosen"],
  ]],
  ["Page", [
    ["J", "write a note at this second"],
    ["P", "save the picture as PNG"],
    ["C", "save the heatmap or the series in view as CSV"],
    ["L", "save the ladder at this second as CSV"],
    ["T", "light or dark"],
    ["?", "this help"],
  ]],
];

export function helpDialog(): HTMLDialogElement {
  const dialog = h("dialog", { class: "help", "aria-labelledby": "help-title" },
    h("h2", { id: "help-title" }, "Keys"),
    h("div", { class: "columns" }, ...KEYS.map(([title, keys]) =>
      h("section", {}, h("h3", {}, title), h("dl", {}, ...keys.flatMap(([key, text]) => [h("dt", {}, h("kbd", {}, key)), h("dd", {}, text)]))))),
    h("p", { class: "dim" }, "Nothing later than the chosen second is ever shown in the profile and the values beside it. Times are New York's, with UTC beside them. Units are the vendor's, who does not document them."),
    h("form", { method: "dialog" }, h("button", { class: "primary", autofocus: true }, "Close")));
  dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
  return dialog;
}
