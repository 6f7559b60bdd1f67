/** The notes of the session that is open: fetched, written, changed, deleted. With what comes later hidden, none of a later
 * second is even asked for. */

import { api, Failure, type Feed } from "../../api";
import { Again } from "../../again";
import { noteOf, withNote, withoutNote, type Note } from "../../notes";
import type { Timers } from "../../timers";
import type { Screen } from "./screen";
import { feedOfView, isHiding, overview, type SessionState } from "./state";

/** What plays or is dragged passes many seconds; notes are asked for so often at most. */
const PACE_MS = 1000;

export class Notes {
  private readonly fetching = new Again(() => this.fetch());
  /** Of which session all notes up to `until` are here. */
  private known: { of: string; until: number } = { of: "", until: -Infinity };
  private waits = false;
  /** How often something was written here: what was fetched meanwhile may lack it. */
  private changes = 0;

  constructor(
    private readonly state: SessionState,
    private readonly screen: Pick<Screen, "showNotes">,
    private readonly timers: Timers,
    private readonly failed: (error: unknown) => void,
  ) {}

  /** Another session, or the same anew: others may have written meanwhile. */
  begin(): void {
    if (this.known.of !== this.session()) this.state.notes = [];
    this.known = { of: "", until: -Infinity };
    this.screen.showNotes();
    this.want();
  }

  /** The second has moved, or what is hidden is another. */
  want(): void {
    const { known } = this;
    if (this.waits || !overview(this.state) || (known.of === this.session() && known.until >= this.bound())) return;
    this.waits = true;
    this.timers.later("notes", known.of === this.session() ? PACE_MS : 0, () => {
      this.waits = false;
      void this.fetching.want();
    });
  }

  private async fetch(): Promise<void> {
    const view = overview(this.state);
    if (!view) return;
    const [of, until, changes] = [this.session(), this.bound(), this.changes];
    try {
      const { notes } = await api.notes(feedOfView(view), view.head.session_date, until);
      if (this.session() !== of || this.changes !== changes) return void this.fetching.want();
      this.state.notes = notes.map(noteOf);
      this.known = { of, until };
      this.screen.showNotes();
    } catch (error) {
      this.failed(error);
    }
  }

  /** Throws what the service says against it. */
  async save(instant: number, text: string, note: Note | null): Promise<void> {
    const of = this.session();
    const feed = feedOfView(overview(this.state)!);
    const saved = noteOf(await this.settled(note ? api.changeNote(note, text) : api.addNote(feed, instant, text)));
    if (of === this.session()) this.take(withNote(this.state.notes, saved));
  }

  /** Throws what the service says against it; one that is gone already is deleted. */
  async delete(note: Note): Promise<void> {
    const of = this.session();
    try {
      await this.settled(api.deleteNote(note));
    } catch (error) {
      if (!(error instanceof Failure && error.code === "note_unknown")) throw error;
    }
    if (of === this.session()) this.take(withoutNote(this.state.notes, note));
  }

  /** What was refused because somebody else has changed it is fetched anew. */
  private async settled<T>(answer: Promise<T>): Promise<T> {
    try {
      return await answer;
    } catch (error) {
      if (error instanceof Failure && (error.code === "note_changed" || error.code === "note_unknown")) void this.fetching.want();
      throw error;
    }
  }

  private take(notes: readonly Note[]): void {
    this.changes += 1;
    this.state.notes = notes;
    this.screen.showNotes();
  }

  private session(): string {
    const view = overview(this.state);
    return view ? JSON.stringify([feedOfView(view) satisfies Feed, view.head.session_date]) : "";
  }

  private bound(): number {
    return isHiding(this.state) ? this.state.instant : Infinity;
  }
}
