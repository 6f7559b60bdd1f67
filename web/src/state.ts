/** The address of the page says what it shows, so that a link opens the same second. Pure. */

import type { Feed } from "./api";
import { RECORD_TYPES, seriesNames, typeOfCategory, typeOfFeed, valueOfType } from "./record_types";

export type PageName = "session" | "coverage" | "imports" | "status";
export const PAGES: readonly PageName[] = ["session", "coverage", "imports", "status"];

/** A session to compare with, on the same day, on the one before, or on a day by its date. */
export interface Companion {
  /** Null: of the same ticker, whichever that is. */
  symbol: string | null;
  package: string;
  category: string;
  day: "same" | "previous" | string;
}

/** What stands beside the session where it is wanted: closing levels of the session before, GEX by expiry, the days before. */
export const EXTRAS = ["prior", "expiry", "strip"] as const;
export type Extra = (typeof EXTRAS)[number];

/** What is written at the axis of prices: prices, or their distance from spot. */
export const AXES = ["price", "points", "percent"] as const;
export type Axis = (typeof AXES)[number];

export interface State {
  page: PageName;
  feed: Feed | null;
  date: string | null;
  /** New York's clock, as 10:15:00. */
  at: string | null;
  /** What the cells show, "" for the usual. */
  value: string;
  /** The time series that are chosen; null for the usual. */
  series: string[] | null;
  from: string | null;
  to: string | null;
  low: number | null;
  high: number | null;
  strike: number | null;
  hidden: string[];
  /** The newest second is followed. */
  follow: boolean;
  /** Whether what comes later is hidden; "" for the usual. */
  later: "" | "hidden" | "shown";
  /** What bounds the colours. */
  scale: "day" | "window" | "now" | number;
  /** The cells show by how much it has changed over so many minutes; 0: the value itself. */
  change: number;
  companion: Companion | null;
  /** The companion's values are taken from those of the session, or its map stands beside it. */
  compare: "minus" | "beside";
  extras: Extra[];
  axis: Axis;
  importId: string | null;
}

const CLOCK = /^\d{1,2}:\d{2}(:\d{2})?$/;
const DATE = /^\d{4}-\d{2}-\d{2}$/;

/** No series at all is a choice too. */
const NONE = "none";

function seriesOf(text: string | null): string[] | null {
  if (text === null || text === NONE) return text === null ? null : [];
  const known = RECORD_TYPES.flatMap(seriesNames);
  const found = text.split(",").filter((name) => known.includes(name));
  return found.length ? found : null;
}

function scaleOf(text: string | null): State["scale"] {
  const bound = Number(text);
  if (text !== null && Number.isFinite(bound) && bound > 0) return bound;
  return text === "window" || text === "now" ? text : "day";
}

const COMPANION = /^(?:([^/:]+):)?([^/:]+)\/([^/:]+)(?:\/(previous|\d{4}-\d{2}-\d{2}))?$/;

/** classic/gex_full, classic/gex_zero/previous, classic/gex_zero/2025-11-13; ES_SPX:classic/gex_zero of another ticker. */
function companionOf(text: string | null): Companion | null {
  const [whole, symbol = null, kind = "", category = "", day = "same"] = COMPANION.exec(text ?? "") ?? [];
  return whole === undefined ? null : { symbol, package: kind, category, day };
}

function companionText(companion: Companion | null | undefined): string | null {
  if (!companion) return null;
  const { symbol, package: kind, category, day } = companion;
  return `${symbol ? `${symbol}:` : ""}${[kind, category, ...(day === "same" ? [] : [day])].join("/")}`;
}

export const CHANGES: readonly number[] = [1, 5, 15, 30];

/** What is meant by a link that does not name both. */
function feedMeant(named: string | null, category: string | null): { package: string; category: string } {
  const usual = RECORD_TYPES.find((type) => type.package === named && type.categories.length === 1)?.categories[0] ?? "gex_zero";
  const meant = category ?? usual;
  return { package: named ?? typeOfCategory(meant).package, category: meant };
}

export function parseState(hash: string): State {
  const [path = "", query = ""] = hash.replace(/^#\/?/, "").split("?", 2);
  const found = new URLSearchParams(query);
  const text = (name: string, form?: RegExp) => {
    const value = found.get(name);
    return value && (!form || form.test(value)) ? value : null;
  };
  const number = (name: string) => {
    const value = found.get(name);
    return value !== null && value !== "" && Number.isFinite(Number(value)) ? Number(value) : null;
  };
  const symbol = text("symbol");
  return {
    page: PAGES.find((name) => name === path) ?? "session",
    feed: symbol ? { symbol, ...feedMeant(text("package"), text("category")) } : null,
    date: text("date", DATE),
    at: text("at", CLOCK),
    value: RECORD_TYPES.flatMap(({ values }) => values).find(({ name }) => name === found.get("value"))?.name ?? "",
    series: seriesOf(text("series")),
    from: text("from", CLOCK),
    to: text("to", CLOCK),
    low: number("low"),
    high: number("high"),
    strike: number("strike"),
    hidden: text("hide")?.split(",") ?? [],
    follow: found.get("follow") === "on",
    later: (["hidden", "shown"] as const).find((one) => one === found.get("later")) ?? "",
    scale: scaleOf(found.get("scale")),
    change: CHANGES.find((minutes) => minutes === number("change")) ?? 0,
    companion: companionOf(text("with")),
    compare: found.get("compare") === "beside" ? "beside" : "minus",
    extras: EXTRAS.filter((name) => text("show")?.split(",").includes(name)),
    axis: AXES.find((name) => name === found.get("axis")) ?? "price",
    importId: text("import"),
  };
}

export function formatState(state: Partial<State> & { page: PageName }): string {
  const query = new URLSearchParams();
  const type = typeOfFeed(state.feed ?? null);
  const put = (name: string, value: string | number | null | undefined) => {
    if (value !== null && value !== undefined && value !== "") query.set(name, String(value));
  };
  put("symbol", state.feed?.symbol);
  put("package", state.feed?.package);
  put("category", state.feed?.category);
  put("date", state.date);
  put("at", state.at);
  const value = valueOfType(type, state.value ?? "");
  put("value", value === valueOfType(type, "") ? null : value);
  put("series", state.series && (state.series.join(",") || NONE));
  put("from", state.from);
  put("to", state.to);
  put("low", state.low);
  put("high", state.high);
  put("strike", state.strike);
  put("hide", state.hidden?.join(","));
  put("follow", state.follow ? "on" : null);
  put("later", state.later);
  put("scale", state.scale === "day" ? null : state.scale);
  put("change", state.change || null);
  put("with", companionText(state.companion));
  put("compare", state.companion && state.compare === "beside" ? "beside" : null);
  put("show", state.extras?.join(","));
  put("axis", state.axis === "price" ? null : state.axis);
  put("import", state.importId);
  const text = query.toString().replaceAll("%3A", ":").replaceAll("%2C", ",").replaceAll("%2F", "/");
  return `#/${state.page}${text ? `?${text}` : ""}`;
}
