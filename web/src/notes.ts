/** Notes at seconds of a session: what the service knows of them, and which of them may be seen. Pure. */

import { newYork } from "./time";

/** Times are ISO 8601, UTC. */
export interface NoteRow {
  id: string;
  timestamp: string;
  text: string;
  changed_at: string;
}

export interface Note {
  readonly id: string;
  /** Unix seconds. */
  readonly instant: number;
  readonly text: string;
  /** As the service has it: what is changed is the note that was read, or nothing. */
  readonly changedAt: string;
}

export const MOST_CHARACTERS = 2000;

export const noteOf = ({ id, timestamp, text, changed_at }: NoteRow): Note => ({ id, instant: Date.parse(timestamp) / 1000, text, changedAt: changed_at });

/** Those at or before an instant. */
export const notesUntil = (notes: readonly Note[], instant: number) => notes.filter((note) => note.instant <= instant);

/** With another in its place, or among them, in order of time. */
export function withNote(notes: readonly Note[], note: Note): Note[] {
  return [...withoutNote(notes, note), note].sort((one, other) => one.instant - other.instant || (one.id < other.id ? -1 : 1));
}

export const withoutNote = (notes: readonly Note[], { id }: Pick<Note, "id">) => notes.filter((one) => one.id !== id);

/** A note in a line. */
export const noteLine = ({ instant, text }: Note) => `${newYork(instant)}  ${text.replaceAll("\n", " ")}`;

/** The notes of each row of a table whose rows are of these instants, in order: a note stands at the last row at or before
 * it, or at the first one. */
export function notesByRow(notes: readonly Note[], instants: readonly number[]): Map<number, string> {
  const found = new Map<number, string>();
  if (!instants.length) return found;
  for (const note of notes) {
    const at = instants[Math.max(1, instants.filter((instant) => instant <= note.instant).length) - 1]!;
    const before = found.get(at);
    found.set(at, before === undefined ? note.text : `${before}\n${note.text}`);
  }
  return found;
}

/** A field of CSV. */
export const quoted = (text: string) => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
