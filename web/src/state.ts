/** The address of the page says what it shows, so that a link opens the same second. Pure. */

import type { Feed } from "./api";

export type PageName = "session" | "coverage" | "imports" | "status";
export const PAGES: readonly PageName[] = ["session", "coverage", "imports", "status"];

export interface State {
  page: PageName;
  feed: Feed | null;
  date: string | null;
  /** New York's clock, as 10:15:00. */
  at: string | null;
  value: "gex_vol" | "gex_oi";
  from: string | null;
  to: string | null;
  low: number | null;
  high: number | null;
  strike: number | null;
  hidden: string[];
  importId: string | null;
}

const CLOCK = /^\d{1,2}:\d{2}(:\d{2})?$/;
const DATE = /^\d{4}-\d{2}-\d{2}$/;

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
    feed: symbol ? { symbol, package: text("package") ?? "classic", category: text("category") ?? "gex_zero" } : null,
    date: text("date", DATE),
    at: text("at", CLOCK),
    value: found.get("value") === "gex_oi" ? "gex_oi" : "gex_vol",
    from: text("from", CLOCK),
    to: text("to", CLOCK),
    low: number("low"),
    high: number("high"),
    strike: number("strike"),
    hidden: text("hide")?.split(",") ?? [],
    importId: text("import"),
  };
}

export function formatState(state: Partial<State> & { page: PageName }): string {
  const query = new URLSearchParams();
  const put = (name: string, value: string | number | null | undefined) => {
    if (value !== null && value !== undefined && value !== "") query.set(name, String(value));
  };
  put("symbol", state.feed?.symbol);
  put("package", state.feed?.package);
  put("category", state.feed?.category);
  put("date", state.date);
  put("at", state.at);
  put("value", state.value === "gex_oi" ? state.value : null);
  put("from", state.from);
  put("to", state.to);
  put("low", state.low);
  put("high", state.high);
  put("strike", state.strike);
  put("hide", state.hidden?.join(","));
  put("import", state.importId);
  const text = query.toString().replaceAll("%3A", ":").replaceAll("%2C", ",");
  return `#/${state.page}${text ? `?${text}` : ""}`;
}
