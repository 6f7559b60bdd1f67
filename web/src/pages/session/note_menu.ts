/** The notes of the session behind one button: a new one at the second, and the list of all that may be seen. */

import { fill, h, setText } from "../../dom";
import { noteLine } from "../../notes";
import { newYork } from "../../time";
import type { Actions } from "./actions";
import { menu } from "./menu";
import { seenNotes } from "./seen";
import type { SessionState } from "./state";

export class NoteMenu {
  readonly element: HTMLDetailsElement;
  private readonly summary = h("summary", {}, "Notes");
  private readonly list = h("ol", { class: "notes" });
  private shown: unknown = null;

  constructor(
    private readonly state: Readonly<SessionState>,
    private readonly actions: Actions,
  ) {
    this.element = menu(this.summary,
      h("p", {}, h("button", { title: "Write a note at this second (J)", onclick: () => this.open(() => this.actions.openNote(null)) }, "Note at this second")), this.list);
  }

  show(): void {
    const notes = seenNotes(this.state);
    const key = notes.map(({ id, changedAt }) => `${id} ${changedAt}`).join();
    if (key === this.shown) return; // it is asked in every frame
    this.shown = key;
    setText(this.summary, notes.length ? `Notes · ${notes.length}` : "Notes");
    this.list.hidden = !notes.length;
    fill(this.list, ...notes.map((note) => h("li", {},
      h("button", { class: "link num", "aria-label": `Go to ${newYork(note.instant)}`, onclick: () => this.actions.seek(Math.ceil(note.instant)) }, newYork(note.instant)),
      h("span", { class: "note-text" }, note.text),
      h("button", { class: "link", "aria-label": `Edit the note ${noteLine(note)}`, onclick: () => this.open(() => this.actions.openNote(note)) }, "edit"))));
  }

  private open(run: () => void): void {
    this.element.open = false;
    run();
  }
}
