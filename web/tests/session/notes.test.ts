/** Notes over answers that a test gives when it likes. */

import { afterEach, beforeEach, expect, it, vi } from "vitest";

import { folded } from "../../src/picture";
import { notesByRow, noteOf, quoted } from "../../src/notes";
import { Notes } from "../../src/pages/session/notes";
import { seenNotes } from "../../src/pages/session/seen";
import { emptyState, lookOfView } from "../../src/pages/session/state";
import { Timers } from "../../src/timers";
import { DATE, makeView, OPEN } from "./made";

interface Asked {
  path: string;
  init: RequestInit;
  answer(body: unknown, status?: number): Promise<void>;
}

const settle = async () => { for (let turn = 0; turn < 20; turn += 1) await Promise.resolve(); };
const row = (second: number, text: string) => ({ id: `${second} ${text}`, timestamp: new Date((OPEN + second) * 1000).toISOString(), text, changed_at: "2026-11-27T10:00:00.000001Z" });

let asked: Asked[] = [];

beforeEach(() => {
  asked = [];
  vi.useFakeTimers();
  vi.stubGlobal("sessionStorage", { getItem: () => null });
  vi.stubGlobal("fetch", (path: string, init: RequestInit = {}) => new Promise((resolve) => {
    asked.push({ path, init, answer: async (body, status = 200) => { resolve({ ok: status < 400, status, json: async () => body } as Response); await settle(); } });
  }));
});
afterEach(() => { vi.useRealTimers(); vi.unstubAllGlobals(); });

function setUp(later: "" | "hidden" = "") {
  const state = emptyState();
  const view = makeView();
  Object.assign(state, { views: new Map([[lookOfView(view), view]]), later, instant: OPEN + 10 });
  const failures: unknown[] = [];
  const notes = new Notes(state, { showNotes: () => {} }, new Timers(), (error) => failures.push(error));
  notes.begin();
  vi.advanceTimersByTime(0);
  return { state, notes, failures };
}

const texts = (state: ReturnType<typeof emptyState>) => seenNotes(state).map(({ text }) => text);

it("those of the whole session are asked for once", async () => {
  const { state, notes } = setUp();
  expect(asked.map(({ path }) => path)).toEqual([`/notes?symbol=NQ_NDX&package=classic&category=gex_zero&start=${DATE}&end=${DATE}&limit=1000`]);
  await asked[0]!.answer({ notes: [row(5, "a"), row(30, "b")] });
  expect(texts(state)).toEqual(["a", "b"]);
  notes.want();
  vi.advanceTimersByTime(5000);
  expect(asked).toHaveLength(1);
});

it("with what comes later hidden none of a later second is asked for, or shown", async () => {
  const { state, notes } = setUp("hidden");
  expect(asked[0]!.path).toContain(`&end=${OPEN + 10}&`);
  await asked[0]!.answer({ notes: [row(5, "a")] });
  state.instant = OPEN + 30;
  notes.want();
  vi.advanceTimersByTime(1000);
  expect(asked[1]!.path).toContain(`&end=${OPEN + 30}&`);
  await asked[1]!.answer({ notes: [row(5, "a"), row(29.5, "b")] });
  expect(texts(state)).toEqual(["a", "b"]);
  state.instant = OPEN + 29;
  notes.want();
  vi.advanceTimersByTime(1000);
  expect([texts(state), asked.length]).toEqual([["a"], 2]);
});

it("a list that was under way when a note was written does not take it out", async () => {
  const { state, notes } = setUp();
  const saved = notes.save(OPEN + 10, "new", null);
  await asked[1]!.answer(row(10, "new"), 201);
  await saved;
  expect(texts(state)).toEqual(["new"]);
  await asked[0]!.answer({ notes: [] });
  expect(texts(state)).toEqual(["new"]);
  await asked[2]!.answer({ notes: [row(10, "new")] });
  expect(texts(state)).toEqual(["new"]);
});

it("a note that somebody else has changed is refused in words, and read anew", async () => {
  const { state, notes } = setUp();
  await asked[0]!.answer({ notes: [row(5, "a")] });
  const saved = notes.save(OPEN + 5, "mine", noteOf(row(5, "a")));
  expect(new Headers(asked[1]!.init.headers).get("If-Match")).toBe('"2026-11-27T10:00:00.000001Z"');
  const refused = expect(saved).rejects.toThrow("changed since");
  await asked[1]!.answer({ error: "note_changed", message: "It was changed since.", details: [], request_id: "" }, 412);
  await refused;
  await asked[2]!.answer({ notes: [row(5, "theirs")] });
  expect(texts(state)).toEqual(["theirs"]);
});

it("one that is gone already is deleted", async () => {
  const { state, notes } = setUp();
  await asked[0]!.answer({ notes: [row(5, "a")] });
  const deleted = notes.delete(state.notes[0]!);
  await asked[1]!.answer({ error: "note_unknown", message: "", details: [], request_id: "" }, 404);
  await deleted;
  expect(texts(state)).toEqual([]);
});

it("each stands at the last row before it, or at the first", () => {
  const notes = [3, 12, 13, 99].map((instant) => ({ id: String(instant), instant, text: `at ${instant}`, changedAt: "" }));
  expect([...notesByRow(notes, [10, 11, 13])]).toEqual([[10, "at 3"], [11, "at 12"], [13, "at 13\nat 99"]]);
  expect(notesByRow(notes, []).size).toBe(0);
  expect([quoted("plain"), quoted('a "b",\nc')]).toEqual(["plain", '"a ""b"",\nc"']);
});

it("below a picture stand as many lines as they need", () => {
  expect(folded("one two three", 7, (text) => text.length)).toEqual(["one two", "three"]);
  expect(folded("abcdefgh ij", 4, (text) => text.length)).toEqual(["abcd", "efgh", "ij"]);
});
