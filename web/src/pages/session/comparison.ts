/** What the session is compared with, and what is drawn of that. Pure. */

import type { Feed } from "../../api";
import { byExpiry, difference, priceRatio, scaled } from "../../computed";
import { sameFeed } from "../../page";
import { shownValue, titleOf, typeOfFeed, type Lane } from "../../record_types";
import type { Companion } from "../../state";
import { instantOf, longDate } from "../../time";
import type { SessionView } from "../../view";
import { detailOf, feedOfView, lookOf, overview, typeOf, type CompanionViews, type SessionState } from "./state";

/** The part that a companion has in the page: compared with, or one of those by expiry. */
export const PARTNER = "partner";
export const EXPIRY_FEEDS = ["gex_zero", "gex_one", "gex_full"] as const;

/** A session to be fetched beside the one that is shown, on its clock. */
export interface WantedCompanion {
  readonly part: string;
  readonly feed: Feed;
  readonly date: string;
  readonly shift: number;
  readonly look: string;
  readonly withCells: boolean;
}

/** Seconds from the clock of one day to that of another: New York's clock shows the same then. */
export function shiftBetween(date: string, other: string): number {
  return (instantOf(date, "12:00") ?? 0) - (instantOf(other, "12:00") ?? 0);
}

/** The day of a companion; null where there is none. */
function dayOf({ day }: Companion, view: SessionView): string | null {
  return day === "same" ? view.head.session_date : day === "previous" ? view.head.previous_session : day;
}

/** All that stands beside the session, as it was chosen. */
export function wantedCompanions(state: Readonly<SessionState>): WantedCompanion[] {
  const view = overview(state);
  if (!view) return [];
  const feed = feedOfView(view);
  const wanted = (part: string, other: Feed, date: string, withCells: boolean): WantedCompanion =>
    ({ part, feed: other, date, shift: shiftBetween(view.head.session_date, date), look: lookOf(state.value, state.change), withCells });
  const found: WantedCompanion[] = [];
  const partner = state.companion && feedOfCompanion(state.companion, feed);
  const date = state.companion && dayOf(state.companion, view);
  const isSame = sameFeed(partner, feed) && date === view.head.session_date;
  if (partner && date && !isSame && typeOfFeed(partner) === typeOf(state)) found.push(wanted(PARTNER, partner, date, true));
  if (state.extras.has("expiry") && hasExpiries(state)) found.push(...EXPIRY_FEEDS.map((category) => wanted(category, { ...feed, category }, view.head.session_date, false)));
  return found;
}

/** Whether the lake has the nearest expiry, the next and all of them of this ticker. */
export function hasExpiries(state: Readonly<SessionState>): boolean {
  const view = overview(state);
  return Boolean(view && typeOf(state).sums.length) && EXPIRY_FEEDS.every((category) => state.feeds.some((row) => row.ticker === view!.head.symbol && row.package === view!.head.package && row.category === category));
}

const feedOfCompanion = ({ symbol, package: kind, category }: Companion, feed: Feed): Feed => ({ symbol: symbol ?? feed.symbol, package: kind, category });

/** Whether it is compared with another ticker, whose strikes are other things: that is shown beside it, and never taken from it. */
export function isOfOtherTicker(state: Readonly<SessionState>): boolean {
  const { companion, feed } = state;
  return Boolean(companion?.symbol) && companion!.symbol !== (overview(state)?.head.symbol ?? feed?.symbol);
}

/** What the session is compared with, on its prices: `ratio` of its own are one of the session's, which is known `since` then. */
export interface Partner extends CompanionViews {
  readonly whole: SessionView;
  readonly ratio: number;
  readonly since: number;
}

const partners = new WeakMap<CompanionViews, { of: SessionView; partner: Partner }>();

/** As soon as it is there in what is shown. */
export function partnerOf(state: Readonly<SessionState>): Partner | null {
  const [found, view] = [state.companions.get(PARTNER), overview(state)];
  if (!found?.whole || !view || found.look !== lookOf(state.value, state.change)) return null;
  const known = partners.get(found);
  if (known?.of === view) return known.partner;
  const partner = onPricesOf(view, found as CompanionViews & { whole: SessionView });
  partners.set(found, { of: view, partner });
  return partner;
}

function onPricesOf(view: SessionView, found: CompanionViews & { whole: SessionView }): Partner {
  if (found.feed.symbol === view.head.symbol) return { ...found, ratio: 1, since: -Infinity };
  const { ratio, since } = priceRatio(view, found.whole);
  return { ...found, ratio, since, whole: scaled(found.whole, ratio), detail: found.detail && scaled(found.detail, ratio) };
}

/** Whether the map shows one less the other. */
export function isDifference(state: Readonly<SessionState>): boolean {
  return state.compare === "minus" && !isOfOtherTicker(state) && partnerOf(state) !== null;
}

export function isBeside(state: Readonly<SessionState>): boolean {
  return (state.compare === "beside" || isOfOtherTicker(state)) && partnerOf(state) !== null;
}

/** The whole session as it is drawn: itself, or less the other. */
export function comparedOverview(state: Readonly<SessionState>): SessionView | null {
  const view = overview(state);
  return view && isDifference(state) ? difference(view, partnerOf(state)!.whole!) : view;
}

/** The part in view; of a difference only where both have it. */
export function comparedDetail(state: Readonly<SessionState>): SessionView | null {
  const view = detailOf(state);
  if (!view || !isDifference(state)) return view;
  const { detail } = partnerOf(state)!;
  return detail && covers(detail, view) ? difference(view, detail) : null;
}

/** Whether one has columns as fine for all of another. */
export function covers(one: SessionView, other: SessionView): boolean {
  return one.start <= other.start + 1e-6 && one.end >= other.end - 1e-6 && one.head.column_seconds <= other.head.column_seconds;
}

/** Whether what is drawn lies on both sides of zero: whatever is a change or a difference does. */
export function isSigned(state: Readonly<SessionState>): boolean {
  return state.change > 0 || isDifference(state) || (shownValue(typeOf(state), state.value)?.signed ?? true);
}

/** How another session is spoken of: by what sets it apart. */
export function nameOfCompanion({ feed, date }: Pick<CompanionViews, "feed" | "date">, view: SessionView): string {
  const isOfFeed = sameFeed(feed, feedOfView(view));
  const ticker = feed.symbol === view.head.symbol ? "" : `${feed.symbol} `;
  return [isOfFeed ? "" : `${ticker}${feed.package} ${feed.category}`, date === view.head.session_date ? "" : longDate(date)].filter(Boolean).join(", ");
}

/** What the cells show, written out. */
export function titleOfState(state: Readonly<SessionState>): string {
  const view = overview(state);
  if (!view) return "";
  const change = state.change ? `, change over ${state.change} min` : "";
  const less = isDifference(state) ? `, less ${nameOfCompanion(partnerOf(state)!, view)}` : "";
  return `${titleOf(feedOfView(view), state.value)}${change}${less}`;
}

/** The same as a word of a file's name, or of a column in it. */
export function wordOfState(state: Readonly<SessionState>): string {
  const partner = isDifference(state) ? partnerOf(state)! : null;
  return [state.value, ...(state.change ? [`change_${state.change}min`] : []), ...(partner ? ["minus", partner.feed.package, partner.feed.category, partner.date] : [])].join("_");
}

const LANE: Lane = {
  title: "Σ by expiry", form: "lines", price: false,
  series: [
    { name: "expiry_zero", text: "zero", ink: "positive", dash: [] },
    { name: "expiry_one", text: "one", ink: "negative", dash: [] },
    { name: "expiry_rest", text: "the rest: full − zero − one", ink: "calm", dash: [] },
  ],
};

export const EXPIRY_LANES: readonly Lane[] = [LANE];

let latest: Record<"whole" | "detail", { of: readonly SessionView[]; view: SessionView } | null> = { whole: null, detail: null };

/** Net GEX by expiry through time, of the whole session or the part in view; null until all three are there. */
export function expiriesOf(state: Readonly<SessionState>, slot: "whole" | "detail"): SessionView | null {
  if (!state.extras.has("expiry")) return null;
  const of = EXPIRY_FEEDS.map((category) => state.companions.get(category)).map((one) => (one?.look === lookOf(state.value, state.change) ? one[slot] : null));
  const [zero, next, full] = of;
  if (!zero || !next || !full) return null;
  const known = latest[slot];
  if (known && of.every((view, place) => view === known.of[place])) return known.view;
  const view = byExpiry(zero, next, full, `sum_${state.value}`);
  latest = { ...latest, [slot]: { of: [zero, next, full], view } };
  return view;
}
