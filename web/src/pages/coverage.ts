/** A calendar per feed: which sessions are there, which have holes, which are missing. */

import { api, type DayGaps, type Feed, type FeedGaps, type FeedStatus, type SessionRow } from "../api";
import { fill, h } from "../dom";
import { duration, fixed, plural, share } from "../format";
import { emptyLake } from "../notices";
import { feedOptions } from "../feeds";
import { feedOf, sameFeed, type Page, type Shell } from "../page";
import { formatState, type State } from "../state";
import { instantOf, longDate, newYork, utc } from "../time";

type Status = DayGaps["status"];

const WORDS: Record<Status, string> = {
  complete: "complete",
  holes: "with holes",
  missing: "missing",
  empty: "no snapshot",
  closed: "exchange closed",
  closed_day_rows: "data on a closed day",
};
const MARKS: Record<Status, string> = { complete: "", holes: "◐", missing: "✕", empty: "○", closed: "", closed_day_rows: "!" };
const DAY_MS = 86_400_000;

interface Day {
  date: string;
  status: Status;
  early: boolean;
  snapshots: number;
  gaps: DayGaps | null;
}

export class CoveragePage implements Page {
  readonly element = h("div", { class: "page coverage" });
  private feed: Feed | null = null;
  private feeds: FeedStatus[] = [];
  private days = new Map<string, Day>();
  private readonly detail = h("section", { class: "day", "aria-live": "polite" });
  private chosen: string | null = null;

  constructor(
    private readonly shell: Shell,
    private state: State,
  ) {
    void this.load();
  }

  update(state: State): boolean {
    this.state = state;
    void this.load();
    return true;
  }

  private async load(): Promise<void> {
    try {
      this.feeds = await this.shell.feeds();
      if (!this.feeds.length) return fill(this.element, emptyLake(() => this.shell.status()));
      void this.shell.status().then((status) => this.shell.markSynthetic(status.synthetic_sources.length > 0)).catch(() => {});
      const largest = [...this.feeds].sort((one, other) => other.snapshots - one.snapshots)[0]!;
      this.feed = feedOf(this.feeds.find((one) => sameFeed(feedOf(one), this.state.feed)) ?? largest);
      this.chosen = this.state.date;
      const [gaps, sessions] = await Promise.all([api.gaps(this.feed), api.sessions(this.feed)]);
      this.show(gaps.feeds[0]!, sessions.sessions);
    } catch (error) {
      this.shell.fail(error);
    }
  }

  private show(gaps: FeedGaps, rows: SessionRow[]): void {
    this.days = daysOf(gaps, rows);
    const select = h("select", { "aria-label": "Feed", onchange: () => this.shell.go({ page: "coverage", feed: JSON.parse(select.value) as Feed }) },
      ...feedOptions(this.feeds, this.feed));
    const fact = (name: string, value: string) => h("div", { class: "fact" }, h("span", { class: "num" }, value), h("small", {}, name));
    const key = (["complete", "holes", "missing", "empty", "closed"] as Status[]).map((status) => h("span", {}, h("i", { class: `key ${status}`, "aria-hidden": "true" }, MARKS[status]), WORDS[status]));
    fill(this.element,
      h("div", { class: "toolbar" }, select, h("span", { class: "spring" }), h("div", { class: "keys dim" }, ...key, h("span", {}, h("i", { class: "key complete early" }), "early close"))),
      h("div", { class: "facts" },
        fact("trading days expected", fixed(gaps.sessions_expected, 0)), fact("present", fixed(gaps.sessions_present, 0)), fact("missing", fixed(gaps.sessions_missing, 0)),
        fact("holes over 5 s", fixed(gaps.gaps, 0)), fact("in holes", duration(gaps.gap_seconds)), fact("of the cash hours covered", share(gaps.coverage))),
      h("div", { class: "split" }, h("div", { class: "months" }, ...this.months()), this.detail));
    this.showDay(this.chosen ?? rows[0]?.session_date ?? null);
  }

  private months(): HTMLElement[] {
    const byMonth = new Map<string, Day[]>();
    for (const day of this.days.values()) byMonth.set(day.date.slice(0, 7), [...(byMonth.get(day.date.slice(0, 7)) ?? []), day]);
    return [...byMonth].reverse().map(([month, days]) => {
      const title = new Intl.DateTimeFormat("en-US", { month: "long", year: "numeric", timeZone: "UTC" }).format(Date.parse(`${month}-01`));
      return h("section", { class: "month" }, h("h2", {}, title),
        h("div", { class: "week head dim", "aria-hidden": "true" }, ...["Mon", "Tue", "Wed", "Thu", "Fri"].map((name) => h("span", {}, name))),
        h("div", { class: "week" }, ...this.cells(days)));
    });
  }

  private cells(days: Day[]): HTMLElement[] {
    const found: HTMLElement[] = [];
    for (const day of days) {
      const weekday = new Date(day.date).getUTCDay();
      if ((weekday === 0 || weekday === 6) && day.status === "closed") continue;
      if (!found.length) for (let blank = 1; blank < Math.min(weekday, 5); blank += 1) found.push(h("span", { class: "blank" }));
      const text = `${longDate(day.date)}: ${WORDS[day.status]}${day.early ? ", early close" : ""}${day.snapshots ? `, ${plural(day.snapshots, "snapshot")}` : ""}`;
      const classes = `date ${day.status}${day.early ? " early" : ""}`;
      const number = h("span", { class: "num" }, String(Number(day.date.slice(8))));
      found.push(day.status === "closed"
        ? h("span", { class: classes, title: text }, number)
        : h("button", {
          class: classes, title: text, "aria-label": text, "data-date": day.date,
          onclick: () => this.showDay(day.date),
          ondblclick: () => day.snapshots && this.openSession(day.date),
        }, number, h("span", { class: "mark", "aria-hidden": "true" }, MARKS[day.status])));
    }
    return found;
  }

  private openSession(date: string, at: string | null = null): void {
    this.shell.go({ page: "session", feed: this.feed, date, at });
  }

  private showDay(date: string | null): void {
    const day = date ? this.days.get(date) : undefined;
    for (const cell of this.element.querySelectorAll<HTMLElement>(".date")) cell.toggleAttribute("data-chosen", cell.dataset.date === date);
    if (!day) return fill(this.detail, h("p", { class: "dim" }, "Choose a day."));
    this.chosen = day.date;
    this.shell.replace({ feed: this.feed, date: day.date });
    const holes = day.gaps?.holes ?? [];
    fill(this.detail,
      h("h2", {}, longDate(day.date)),
      h("p", {}, h("span", { class: `key ${day.status}` }, MARKS[day.status]), WORDS[day.status], day.early ? ", early close at 13:00" : "", day.snapshots ? ` · ${plural(day.snapshots, "snapshot")}` : "", day.gaps?.coverage != null ? ` · ${share(day.gaps.coverage)} covered` : ""),
      day.status === "missing" || day.status === "empty" ? null : this.timeline(day),
      holes.length ? this.holesTable(day) : null,
      day.snapshots ? h("a", { class: "button primary", href: formatState({ page: "session", feed: this.feed, date: day.date }) }, "Open the session") : null);
  }

  private timeline(day: Day): HTMLElement {
    const open = instantOf(day.date, "09:30")!;
    const close = instantOf(day.date, day.early ? "13:00" : "16:00")!;
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    const rect = (start: number, end: number, name: string, title = "") => {
      const shape = document.createElementNS(svg.namespaceURI, "rect") as SVGRectElement;
      const x = ((start - open) / (close - open)) * 1000;
      for (const [attribute, value] of Object.entries({ x, y: 0, width: Math.max(2, ((end - start) / (close - open)) * 1000), height: 24, class: name })) shape.setAttribute(attribute, String(value));
      if (title) {
        const text = document.createElementNS(svg.namespaceURI, "title");
        text.textContent = title;
        shape.append(text);
      }
      svg.append(shape);
    };
    svg.setAttribute("viewBox", "0 0 1000 24");
    svg.setAttribute("preserveAspectRatio", "none");
    svg.setAttribute("role", "img");
    svg.setAttribute("aria-label", `Cash hours of ${day.date} with ${plural(day.gaps?.holes.length ?? 0, "hole")}`);
    rect(open, close, "covered");
    for (const hole of day.gaps?.holes ?? []) rect(seconds(hole.start), seconds(hole.end), "hole", `${newYork(seconds(hole.start))} – ${newYork(seconds(hole.end))}`);
    const hours = h("div", { class: "hours num dim" }, h("span", {}));
    const halves = (close - open) / 1800;
    hours.style.gridTemplateColumns = `repeat(${halves}, minmax(0, 1fr))`;
    for (let half = 1; half <= halves; half += 2) {
      const label = h("span", {}, newYork(open + half * 1800).slice(0, 5));
      if (half < halves) label.style.gridColumn = String(half + 1);
      hours.append(label);
    }
    return h("div", { class: "timeline" }, svg as unknown as HTMLElement, hours);
  }

  private holesTable(day: Day): HTMLElement {
    const holes = day.gaps!.holes;
    return h("div", { class: "scroll" }, h("table", { class: "list" },
      h("thead", {}, h("tr", {}, ...["Hole from", "to (NY)", "UTC", "Length"].map((name) => h("th", { scope: "col" }, name)))),
      h("tbody", {}, ...holes.slice(0, 500).map((hole) => h("tr", {},
        h("td", {}, h("button", { class: "link num", onclick: () => this.openSession(day.date, newYork(seconds(hole.start))) }, newYork(seconds(hole.start)))),
        h("td", { class: "num" }, newYork(seconds(hole.end))), h("td", { class: "num dim" }, `${utc(seconds(hole.start))} – ${utc(seconds(hole.end))}`), h("td", { class: "num" }, duration(hole.seconds)))))));
  }

  committed(): void {
    void this.load();
  }

  destroy(): void {}
}

const seconds = (moment: string) => Date.parse(moment) / 1000;

/** Every date from the first to the last of the report: what it does not name is complete or closed. */
export function daysOf(gaps: FeedGaps, rows: Pick<SessionRow, "session_date" | "snapshots">[]): Map<string, Day> {
  const named = new Map(gaps.days.map((day) => [day.session_date, day]));
  const held = new Map(rows.map((row) => [row.session_date, row.snapshots]));
  const days = new Map<string, Day>();
  for (let moment = Date.parse(gaps.since); moment <= Date.parse(gaps.until); moment += DAY_MS) {
    const date = new Date(moment).toISOString().slice(0, 10);
    const day = named.get(date) ?? null;
    const snapshots = held.get(date) ?? 0;
    const status = day?.status ?? (held.has(date) ? "complete" : "closed");
    days.set(date, { date, status, early: day?.early_close ?? false, snapshots, gaps: day });
  }
  return days;
}
