/** The address of the page says what it shows, so that a link opens the same second. Pure. */

import type { Feed } from "./api";
import { RECORD_TYPES, seriesNames, typeOfCategory, typeOfFeed, valueOfType } from "./record_types";

export type PageName = "session" | "coverage" | "imports" | "status";
export const PAGES: readonly PageName[] = ["session", "coverage", "imports", "status"];

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
  put("import", state.importId);
  const text = query.toString().replaceAll("%3A", ":").replaceAll("%2C", ",");
  return `#/${state.page}${text ? `?${text}` : ""}`;
}
