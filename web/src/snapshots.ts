/** The snapshots around the chosen second: fetched one by one while scrubbing, a minute at a time while playing. */

import { api, type Feed, type Snapshot } from "./api";

const CHUNK_SECONDS = 60;
const MOST_CHUNKS = 60;
const MOST_SINGLE = 500;

export class Snapshots {
  private readonly chunks = new Map<number, Snapshot[] | null>();
  private readonly single = new Map<number, Snapshot>();
  private busy = false;
  private next: number | null = null;
  private asking: number | null = null;
  private closed = false;

  constructor(
    private readonly feed: Feed,
    /** The session's first and last instant. */
    private readonly first: number,
    private readonly onArrival: () => void,
    private readonly onFailure: (error: unknown) => void,
  ) {}

  close(): void {
    this.closed = true;
  }

  /** Whether one that was wanted is still to come. */
  get waiting(): boolean {
    return this.next !== null || this.asking !== null;
  }

  /** The last snapshot at or before an instant, if it is here. */
  have(instant: number): Snapshot | null {
    const alone = this.single.get(instant);
    if (alone) return alone;
    const chunk = this.chunks.get(Math.floor(instant / CHUNK_SECONDS));
    if (!chunk) return null;
    let found: Snapshot | null = null;
    for (const snapshot of chunk) {
      if (snapshot.timestamp > instant) break;
      found = snapshot;
    }
    return found; // one of an earlier minute is left to `want`: it asks for the instant itself
  }

  /** Fetch what stands at an instant; of the wishes that come while a request is under way, the last one counts. */
  want(instant: number): void {
    if (this.closed || instant < this.first || this.have(instant)) return;
    this.next = instant;
    if (!this.busy) void this.work();
  }

  /** Fetch the minutes from here on, before they are needed. */
  ahead(instant: number, seconds: number): void {
    const from = Math.floor(instant / CHUNK_SECONDS);
    const to = Math.floor((instant + seconds) / CHUNK_SECONDS);
    for (let chunk = from; chunk <= to; chunk += 1) if (!this.chunks.has(chunk)) void this.fetchChunk(chunk);
  }

  private async work(): Promise<void> {
    this.busy = true;
    try {
      while (this.next !== null && !this.closed) {
        const instant = (this.asking = this.next);
        this.next = null;
        const snapshot = await api.at(this.feed, instant);
        this.asking = null;
        if (snapshot.timestamp >= this.first) this.keep(instant, snapshot); // else it is of the session before
        if (!this.closed) this.onArrival();
      }
    } catch (error) {
      if (!this.closed) this.onFailure(error);
    } finally {
      this.busy = false;
      this.asking = null;
    }
  }

  private keep(instant: number, snapshot: Snapshot): void {
    this.single.set(instant, snapshot);
    if (this.single.size > MOST_SINGLE) this.single.delete(this.single.keys().next().value!);
  }

  private async fetchChunk(chunk: number): Promise<void> {
    this.chunks.set(chunk, null);
    try {
      const start = chunk * CHUNK_SECONDS;
      const page = await api.page(this.feed, start, start + CHUNK_SECONDS - 1, 10 * CHUNK_SECONDS);
      this.chunks.set(chunk, page.snapshots);
      if (this.chunks.size > MOST_CHUNKS) this.chunks.delete(this.chunks.keys().next().value!);
      if (!this.closed) this.onArrival();
    } catch (error) {
      this.chunks.delete(chunk);
      if (!this.closed) this.onFailure(error);
    }
  }
}
