/** The service's API: requests with the key, answers with types, failures with a kind that has its own view. */

import type { Note, NoteRow } from "./notes";
import { typeOfFeed } from "./record_types";
import { decodeView, type SessionView } from "./view";

export interface Feed {
  symbol: string;
  package: string;
  category: string;
}

export interface FeedStatus {
  ticker: string;
  package: string;
  category: string;
  record_type: string;
  sessions: number;
  first_session: string;
  last_session: string;
  snapshots: number;
  strike_rows: number;
  source_bytes: number;
  parquet_bytes: number;
  sessions_expected: number;
  sessions_missing: number;
  session_coverage: number | null;
  time_coverage: number | null;
  gaps: number;
  gap_seconds: number;
}

export interface SessionRow {
  session_date: string;
  snapshots: number;
  gaps: number;
  gap_seconds: number;
  first_timestamp: string | null;
  last_timestamp: string | null;
  import_id: string;
}

export interface DayGaps {
  session_date: string;
  status: "complete" | "holes" | "missing" | "empty" | "closed" | "closed_day_rows";
  early_close: boolean;
  snapshots: number;
  coverage: number | null;
  holes: { start: string; end: string; seconds: number }[];
}

export interface FeedGaps {
  since: string;
  until: string;
  sessions_expected: number;
  sessions_present: number;
  sessions_missing: number;
  gaps: number;
  gap_seconds: number;
  coverage: number | null;
  days: DayGaps[];
}

/** As the vendor made it: its other fields are those of its record type. How they are read: ./ladder. */
export interface Snapshot {
  timestamp: number;
  spot: number | null;
  [field: string]: unknown;
}

export interface ImportDocument {
  import_id: string;
  status: string;
  sources: string[];
  validate_only: boolean;
  submitted_at: string | null;
  started_at: string | null;
  finished_at: string | null;
  duration_seconds: number | null;
  records_imported: Record<string, number> | null;
  records_seen: number | null;
  records_duplicate: number | null;
  records_quarantined: number | null;
  errors: Record<string, number> | null;
  warnings: Record<string, number> | null;
  error: string | null;
  progress: Record<string, unknown> | null;
}

export interface LineageRow {
  import_id: string;
  source_file: string;
  source_sha256: string;
  source_bytes: number;
  ticker: string | null;
  package: string | null;
  category: string | null;
  session_date: string | null;
  status: string;
  records_seen: number;
  records_imported: number;
  records_duplicate: number;
  records_quarantined: number;
  message: string | null;
  errors: string;
  warnings: string;
}

export interface QuarantineRow {
  import_id: string;
  source_file: string;
  record_index: number;
  byte_offset: number;
  reason: string;
  message: string;
  raw: string | null;
  raw_bytes: string | null;
  raw_file: string | null;
}

export interface LakeStatus {
  lake: string;
  gexlake_version: string;
  feeds: FeedStatus[];
  sessions: number;
  snapshots: number;
  strike_rows: number;
  source_bytes: number;
  parquet_bytes: number;
  database_bytes: number;
  imports: number;
  last_import: { import_id: string; status: string; started_at: string; finished_at: string | null } | null;
  records_quarantined: number;
  staged: { import_id: string; running: boolean }[];
  synthetic_sources: string[];
}

export type FailureKind = "lost" | "unauthorised" | "forbidden" | "missing" | "invalid" | "busy" | "fault";

/** A request that was not answered as wished; `kind` decides what the page shows. */
export class Failure extends Error {
  constructor(
    readonly kind: FailureKind,
    message: string,
    readonly code = "",
    readonly details: { parameter: string | null; message: string }[] = [],
    readonly requestId = "",
  ) {
    super(message);
  }
}

const KEY = "gexlake.key";
let listener: (failure: Failure | null) => void = () => {};

/** Be told of every failure to reach the service, and of the first answer after one. */
export function onConnection(listen: (failure: Failure | null) => void): void {
  listener = listen;
}

export function setKey(key: string): void {
  if (key) sessionStorage.setItem(KEY, key);
  else sessionStorage.removeItem(KEY);
}

export function hasKey(): boolean {
  return sessionStorage.getItem(KEY) !== null;
}

type Parameters = Record<string, string | number | boolean | null | undefined>;

export function pathOf(path: string, parameters: Parameters = {}): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) {
    if (value !== null && value !== undefined && value !== "") query.set(name, String(value));
  }
  const text = query.toString();
  return text ? `${path}?${text}` : path;
}

async function send(path: string, init: RequestInit = {}): Promise<Response> {
  const headers = new Headers(init.headers);
  const key = sessionStorage.getItem(KEY);
  if (key) headers.set("Authorization", `Bearer ${key}`);
  let response: Response;
  try {
    response = await fetch(path, { ...init, headers });
  } catch (error) {
    if (init.signal?.aborted) throw error;
    const failure = new Failure("lost", "The service does not answer.");
    listener(failure);
    throw failure;
  }
  listener(null);
  if (!response.ok) throw await failureOf(response);
  return response;
}

const KINDS: Record<number, FailureKind> = { 401: "unauthorised", 403: "forbidden", 404: "missing", 429: "busy", 503: "busy" };

async function failureOf(response: Response): Promise<Failure> {
  const kind = KINDS[response.status] ?? (response.status < 500 ? "invalid" : "fault");
  try {
    const document = (await response.json()) as { error: string; message: string; details: []; request_id: string };
    return new Failure(kind, document.message, document.error, document.details, document.request_id);
  } catch {
    return new Failure(kind, `The service answered with status ${response.status}.`);
  }
}

async function json<T>(path: string, init?: RequestInit): Promise<T> {
  return (await (await send(path, init)).json()) as T;
}

/** A request that writes; with `changedAt`, only if it was changed last then. */
const written = (method: string, body: object | null, changedAt = ""): RequestInit => ({
  method,
  headers: { ...(body ? { "Content-Type": "application/json" } : {}), ...(changedAt ? { "If-Match": `"${changedAt}"` } : {}) },
  ...(body ? { body: JSON.stringify(body) } : {}),
});

const feedQuery = (feed: Feed) => ({ symbol: feed.symbol, package: feed.package, category: feed.category });

/** What is wanted of a picture. */
export interface PictureOrder {
  value: string;
  /** The cells show the change over so many minutes; 0 or none: the value itself. */
  change?: number;
  columns: number;
  /** Unix seconds; none: the whole session. */
  range?: [number, number] | undefined;
  /** False: the series alone. */
  cells?: boolean;
  /** The session is known up to here. */
  known?: number | undefined;
}

export const api = {
  feeds: (signal?: AbortSignal) => json<{ feeds: FeedStatus[] }>("/feeds", signal ? { signal } : {}),
  status: () => json<LakeStatus>("/status"),
  sessions: (feed: Feed) =>
    json<{ sessions: SessionRow[] }>(pathOf("/sessions", { ...feedQuery(feed), limit: 10_000 })),
  gaps: (feed: Feed) => json<{ feeds: FeedGaps[] }>(pathOf("/gaps", feedQuery(feed))),
  at: (feed: Feed, timestamp: number, signal?: AbortSignal) =>
    json<Snapshot>(pathOf(`/${typeOfFeed(feed).route}/at`, { ...feedQuery(feed), timestamp }), signal ? { signal } : {}),
  page: (feed: Feed, start: number, end: number, limit: number) =>
    json<{ snapshots: Snapshot[] }>(pathOf(`/${typeOfFeed(feed).route}`, { ...feedQuery(feed), start, end, limit })),
  async view(
    feed: Feed,
    date: string,
    { value, change, columns, range, cells, known }: PictureOrder,
    signal?: AbortSignal,
  ): Promise<SessionView> {
    const path = pathOf("/view/session", {
      ...feedQuery(feed), date, value, columns, start: range?.[0], end: range?.[1], change_minutes: value && change ? change : null, cells: cells === false ? false : null, known,
    });
    return decodeView(await (await send(path, signal ? { signal } : {})).arrayBuffer());
  },
  /** The notes of a session, up to an instant; Infinity: all. */
  notes: (feed: Feed, date: string, until: number) =>
    json<{ notes: NoteRow[] }>(pathOf("/notes", { ...feedQuery(feed), start: date, end: until === Infinity ? date : until, limit: 1000 })),
  addNote: (feed: Feed, timestamp: number, text: string) => json<NoteRow>("/notes", written("POST", { ...feedQuery(feed), timestamp, text })),
  changeNote: ({ id, changedAt }: Note, text: string) => json<NoteRow>(`/notes/${encodeURIComponent(id)}`, written("PATCH", { text }, changedAt)),
  deleteNote: ({ id, changedAt }: Note) => json<NoteRow>(`/notes/${encodeURIComponent(id)}`, written("DELETE", null, changedAt)),
  imports: () => json<{ imports: ImportDocument[] }>("/imports?limit=200"),
  oneImport: (id: string) => json<ImportDocument>(`/imports/${encodeURIComponent(id)}`),
  startImport: (source_path: string, validate_only: boolean) =>
    json<ImportDocument>("/import", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ source_path, validate_only }),
    }),
  stopImport: (id: string) => json<ImportDocument>(`/imports/${encodeURIComponent(id)}`, { method: "DELETE" }),
  lineage: (import_id: string) => json<{ lineage: LineageRow[] }>(pathOf("/lineage", { import_id, limit: 5000 })),
  quarantine: (import_id: string) =>
    json<{ quarantine: QuarantineRow[] }>(pathOf("/quarantine", { import_id, limit: 1000 })),
  health: () => json<{ version: string }>("/health"),
  ready: () => json<{ status: string; checks: string[] }>("/ready"),
  metrics: async () => (await send("/metrics")).text(),
};

/**
 * Server-sent events by `fetch`: an EventSource cannot send a key.
 * Ends when the server ends the stream or the signal says so; throws what `send` throws.
 */
export async function follow(
  path: string,
  onEvent: (name: string, data: unknown) => void,
  signal: AbortSignal,
): Promise<void> {
  const response = await send(path, { signal, headers: { Accept: "text/event-stream" } });
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  let pending = "";
  while (reader) {
    const { done, value } = await reader.read();
    if (done) return;
    pending += value.replaceAll("\r", "");
    const events = pending.split("\n\n");
    pending = events.pop() ?? "";
    for (const event of events) {
      const lines = event.split("\n");
      const name = lines.find((line) => line.startsWith("event:"))?.slice(6).trim() ?? "message";
      const data = lines.filter((line) => line.startsWith("data:")).map((line) => line.slice(5).trim()).join("\n");
      if (data) onEvent(name, JSON.parse(data));
    }
  }
}
