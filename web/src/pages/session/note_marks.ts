/** Marks on the axis of time where notes are: the text under the pointer or the focus, a press goes there. */

import { AXIS, FOOT } from "../../charts/heatmap";
import { fill, h } from "../../dom";
import { noteLine, type Note } from "../../notes";
import { newYork } from "../../time";
import type { Actions } from "./actions";
import { seenNotes } from "./seen";
import { overview, type SessionState } from "./state";

/** What a chart leaves free at its right. */
const RIGHT = 8;

export class NoteMarks {
  readonly element = h("div", { class: "note-marks", role: "group", "aria-label": "Notes" });
  private shown = "";

  constructor(
    private readonly state: Readonly<SessionState>,
    private readonly actions: Actions,
  ) {
    this.element.style.setProperty("--left", `${AXIS}px`);
    this.element.style.setProperty("--right", `${RIGHT}px`);
    this.element.style.setProperty("--foot", `${FOOT}px`);
    // What is done to a mark is not done to the picture under it.
    for (const kind of ["pointerdown", "pointermove", "click", "dblclick"]) this.element.addEventListener(kind, (event) => event.stopPropagation());
  }

  show(): void {
    const { time } = this.state.window;
    const notes = overview(this.state) ? seenNotes(this.state).filter(({ instant }) => instant >= time.low && instant <= time.high) : [];
    const key = JSON.stringify([time, notes.map(({ id, changedAt }) => [id, changedAt])]);
    if (key === this.shown) return;
    this.shown = key;
    fill(this.element, ...notes.map((note) => this.mark(note, (note.instant - time.low) / (time.high - time.low))));
    this.element.hidden = !notes.length;
  }

  private mark(note: Note, place: number): HTMLElement {
    const { instant, text } = note;
    const mark = h("button", { "aria-label": noteLine(note), class: `note-mark${place > 0.6 ? " is-left" : ""}`, "data-instant": instant, onclick: () => this.actions.seek(Math.ceil(instant)), onpointerenter: () => this.actions.point(null) },
      h("span", { class: "note-tip" }, h("b", { class: "num" }, newYork(instant)), " ", text));
    mark.style.setProperty("--place", String(place));
    return mark;
  }
}
