/** What the sessions before say: the closing levels of the last one, and the strip. */

import { Again } from "../../again";
import { api, type Feed, type SessionRow } from "../../api";
import { instantOf } from "../../time";
import type { SessionView } from "../../view";
import { feedOfView, overview, type Loaded, type SessionState } from "./state";

export const MOST_DAYS = 20;
const COLUMNS = 40;
/** Requests at a time: the session itself comes first. */
const AT_ONCE = 2;

/** The days of the strip, from the earliest on: those up to the one that is open. */
export function daysOfStrip(rows: readonly Pick<SessionRow, "session_date" | "import_id">[], date: string): Pick<SessionRow, "session_date" | "import_id">[] {
  return [...rows].filter((row) => row.session_date <= date).sort((one, other) => (one.session_date < other.session_date ? -1 : 1)).slice(-MOST_DAYS);
}

export class SessionsBefore {
  private readonly again = new Again(() => this.fetch());
  /** By feed, value, day and version: a step to the next day asks for that day alone. */
  private readonly days = new Map<string, SessionView>();

  constructor(
    private readonly state: Loaded & Readonly<SessionState>,
    private readonly on: { arrived(): void; failed(error: unknown): void },
  ) {}

  want(): void {
    void this.again.want();
  }

  /** A session was committed: what is here of it may be old. One that grows is seen to do so in a column of the strip. */
  renew(feed: Feed, date: string, isGrown: boolean): void {
    if (isGrown) return this.want();
    const name = `${feed.symbol} ${feed.package} ${feed.category} ${date}`;
    for (const key of this.days.keys()) if (key.startsWith(name)) this.days.delete(key);
    if (this.state.prior?.of === name) this.state.prior = null;
    this.want();
  }

  private async fetch(): Promise<void> {
    const view = overview(this.state);
    try {
      await this.fetchPrior(view);
      await this.fetchStrip(view);
    } catch (error) {
      this.on.failed(error);
    }
  }

  private async fetchPrior(view: SessionView | null): Promise<void> {
    const { state } = this;
    const previous = state.extras.has("prior") ? view?.head.previous_session : null;
    if (!view || !previous) {
      state.prior = null;
      return;
    }
    const of = nameOf(view, previous);
    if (state.prior?.of === of) return;
    state.prior = { of, date: previous, snapshot: await api.at(feedOfView(view), instantOf(previous, "23:59:59")!) };
    this.on.arrived();
  }

  private async fetchStrip(view: SessionView | null): Promise<void> {
    const { state } = this;
    if (!view?.strikes.length || !state.extras.has("strip")) {
      state.strip = [];
      return;
    }
    const { value } = state;
    const days = daysOfStrip(state.rows, view.head.session_date);
    const keyOf = ({ session_date, import_id }: (typeof days)[number]) => `${nameOf(view, session_date)} ${value} ${import_id}`;
    const isThere = (day: (typeof days)[number]) => {
      const found = this.days.get(keyOf(day));
      return found && (day.session_date !== view.head.session_date || found.head.last + found.head.column_seconds > view.head.last);
    };
    const missing = days.filter((day) => !isThere(day)).reverse();
    for (let place = 0; place < missing.length || place === 0; place += AT_ONCE) {
      await Promise.all(missing.slice(place, place + AT_ONCE).map(async (day) => {
        this.days.set(keyOf(day), await api.view(feedOfView(view), day.session_date, { value, columns: COLUMNS }));
      }));
      if (overview(state)?.head.session_date !== view.head.session_date || state.value !== value) return;
      state.strip = days.map((day) => this.days.get(keyOf(day))).filter((one) => one !== undefined);
      this.on.arrived();
    }
  }
}

const nameOf = ({ head }: SessionView, date: string) => `${head.symbol} ${head.package} ${head.category} ${date}`;
