/** The sessions beside the one that is shown: fetched in its columns, and anew as it, or they, grow. */

import { Again } from "../../again";
import { api, type Feed, type PictureOrder } from "../../api";
import { shifted } from "../../computed";
import { renewed } from "../../growth";
import { sameFeed } from "../../page";
import type { SessionView } from "../../view";
import { covers, PARTNER, wantedCompanions, type WantedCompanion } from "./comparison";
import { detailOf, overview, type CompanionViews, type Loaded, type SessionState } from "./state";

const SLOTS = ["whole", "detail"] as const;

export class Companions {
  private readonly again = new Again(() => this.fetchAll());
  /** What could not be had is not asked for again, until something is chosen anew. */
  private readonly failed = new Set<string>();
  /** The parts whose session has grown since. They are shown until they are there anew. */
  private stale = new Set<string>();

  constructor(
    private readonly state: Loaded & Readonly<SessionState>,
    private readonly on: { arrived(): void; failed(error: unknown): void },
  ) {}

  /** Another session, or another choice: what could not be had may be there. */
  begin(): void {
    this.failed.clear();
  }

  /** Have what is wanted now, as far as it is not here; asked for with every change of what is shown. */
  want(): void {
    const parts = wantedCompanions(this.state).map(({ part }) => part);
    const isLeft = [...this.state.companions.keys()].some((part) => !parts.includes(part));
    if (isLeft || this.missing().length) void this.again.want();
  }

  /** A session has grown, or was replaced: what is here of it is old. Without one: whatever is here may be. */
  renew(feed?: Feed, date?: string): void {
    const isMeant = (one: Pick<CompanionViews, "feed" | "date">) => !feed || (sameFeed(one.feed, feed) && one.date === date);
    for (const [part, one] of this.state.companions) if (isMeant(one)) this.stale.add(part);
    for (const wanted of wantedCompanions(this.state)) if (isMeant(wanted)) this.failed.delete(nameOf(wanted)); // it may be there by now
    this.want();
  }

  private missing(): Missing[] {
    const { state } = this;
    const bases = { whole: overview(state), detail: detailOf(state) };
    return wantedCompanions(state).filter((wanted) => !this.failed.has(nameOf(wanted))).flatMap((wanted) => SLOTS.flatMap((slot) => {
      const [base, known] = [bases[slot], this.known(wanted)?.[slot] ?? null];
      const isThere = known && base && covers(known, base);
      return base && (!isThere || this.stale.has(wanted.part)) ? [{ wanted, slot, base, known: isThere ? known : null }] : [];
    }));
  }

  private known(wanted: WantedCompanion): CompanionViews | null {
    const found = this.state.companions.get(wanted.part);
    return found && sameFeed(found.feed, wanted.feed) && found.date === wanted.date && found.look === wanted.look ? found : null;
  }

  private async fetchAll(): Promise<void> {
    const missing = this.missing();
    this.stale.clear();
    const session = overview(this.state)?.head;
    const found = await Promise.all(missing.map(async (one) => ({ ...one, view: await this.fetch(one) })));
    const now = overview(this.state)?.head;
    if (!session || now?.session_date !== session.session_date || now.symbol !== session.symbol) return;
    const companions = new Map<string, CompanionViews>();
    for (const wanted of wantedCompanions(this.state)) {
      const of = (slot: (typeof SLOTS)[number]) => found.find((one) => one.slot === slot && sameWanted(one.wanted, wanted))?.view ?? this.known(wanted)?.[slot] ?? null;
      const { part, feed, date, shift, look } = wanted;
      companions.set(part, { feed, date, shift, look, whole: of("whole"), detail: of("detail") });
    }
    this.state.companions = companions;
    this.on.arrived();
  }

  private async fetch({ wanted, base, known }: Missing): Promise<SessionView | null> {
    const { feed, date, shift, withCells, part } = wanted;
    const { value, change } = this.state;
    const order = { value, change: part === PARTNER ? change : 0, columns: base.columns, range: [base.start, base.end] as [number, number], cells: withCells };
    const ask = async (more: Partial<Pick<PictureOrder, "columns" | "range" | "known">>) => {
      const { range = order.range, known: until, ...rest } = { ...order, ...more };
      const onItsClock = { range: [range[0] - shift, range[1] - shift] as [number, number], known: until && until - shift };
      return shifted(await api.view(feed, date, { ...rest, ...onItsClock }), shift);
    };
    try {
      return await (known ? renewed(known, ask, false) : ask({}));
    } catch (error) {
      this.failed.add(nameOf(wanted));
      this.on.failed(error);
      return null;
    }
  }
}

interface Missing {
  readonly wanted: WantedCompanion;
  readonly slot: (typeof SLOTS)[number];
  readonly base: SessionView;
  /** What is here of it, and old. */
  readonly known: SessionView | null;
}

const nameOf = ({ feed, date, look }: WantedCompanion) => JSON.stringify([feed, date, look]);
const sameWanted = (one: WantedCompanion, other: WantedCompanion) => one.part === other.part && nameOf(one) === nameOf(other);
