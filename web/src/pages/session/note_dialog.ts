/** A note is written or changed in a dialog; what the service says against it stands in it, and nothing typed is lost. */

import { h, setText } from "../../dom";
import { MOST_CHARACTERS, type Note } from "../../notes";
import { newYork, utc } from "../../time";

export interface NoteWriter {
  saveNote(instant: number, text: string, note: Note | null): Promise<void>;
  deleteNote(note: Note): Promise<void>;
}

export class NoteDialog {
  readonly element: HTMLDialogElement;
  private readonly title = h("h2", { id: "note-title" });
  private readonly text = h("textarea", { "aria-labelledby": "note-title", maxlength: MOST_CHARACTERS, rows: 5, required: true });
  private readonly problem = h("p", { class: "problem", role: "alert" });
  private readonly save = h("button", { class: "primary", type: "submit", title: "Save (Ctrl Enter)" }, "Save");
  private readonly remove = h("button", { type: "button", onclick: () => void this.settle(() => this.writer.deleteNote(this.note!)) }, "Delete");
  private note: Note | null = null;
  private instant = 0;

  constructor(private readonly writer: NoteWriter) {
    this.element = h("dialog", { class: "help note", "aria-labelledby": "note-title" },
      h("form", { onsubmit: (event: Event) => { event.preventDefault(); this.submit(); } }, this.title, this.text, this.problem,
        h("p", { class: "row" }, this.save, h("button", { type: "button", onclick: () => this.element.close() }, "Cancel"), h("span", { class: "spring" }), this.remove)));
    this.text.addEventListener("keydown", (event) => { if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) this.submit(); });
    this.element.addEventListener("close", () => this.element.remove());
  }

  /** A note that is there, or a new one at an instant. */
  open(note: Note | null, instant: number): void {
    this.note = note;
    this.instant = note?.instant ?? instant;
    setText(this.title, `Note at ${newYork(this.instant)} New York, ${utc(this.instant)} UTC`);
    setText(this.problem, "");
    this.text.value = note?.text ?? "";
    this.remove.hidden = !note;
    document.body.append(this.element);
    this.element.showModal();
    this.text.focus();
  }

  private submit(): void {
    const text = this.text.value.trim();
    if (!text) return setText(this.problem, "Write a few words.");
    void this.settle(() => this.writer.saveNote(this.instant, text, this.note));
  }

  private async settle(run: () => Promise<void>): Promise<void> {
    for (const button of [this.save, this.remove]) button.disabled = true;
    setText(this.problem, "");
    try {
      await run();
      this.element.close();
    } catch (error) {
      setText(this.problem, (error as Error).message);
    } finally {
      for (const button of [this.save, this.remove]) button.disabled = false;
    }
  }
}
