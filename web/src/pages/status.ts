/** The lake and the service: feeds, sizes, rates, health. */

import { api, Failure } from "../api";
import { fill, h } from "../dom";
import { bytes, duration, fixed, NOTHING, plural, share } from "../format";
import { groupsOfFeeds, typeOfRow } from "../feeds";
import { emptyLake } from "../notices";
import { feedName, feedOf, type Page, type Shell } from "../page";
import { formatState } from "../state";
import { newYorkMoment, utc } from "../time";

const EVERY_MS = 5000;

export class StatusPage implements Page {
  readonly element = h("div", { class: "page status" });
  private timer: ReturnType<typeof setTimeout> | undefined;
  private before: { at: number; requests: number } | null = null;
  private ended = false;

  constructor(private readonly shell: Shell) {
    void this.load();
  }

  update(): boolean {
    return true;
  }

  private async load(): Promise<void> {
    try {
      const [status, health, metrics, ready] = await Promise.all([this.shell.status(), api.health(), api.metrics(), readiness()]);
      if (this.ended) return;
      this.shell.markSynthetic(status.synthetic_sources.length > 0);
      const measured = readMetrics(metrics);
      const now = performance.now();
      const rate = this.before ? (measured.requests - this.before.requests) / ((now - this.before.at) / 1000) : null;
      this.before = { at: now, requests: measured.requests };
      const fact = (name: string, value: string, cell = "") => h("div", { class: "fact", "data-fact": cell || name }, h("span", { class: "num" }, value), h("small", {}, name));
      const last = status.last_import;
      const when = last ? Date.parse(last.started_at) / 1000 : 0;
      fill(this.element,
        h("div", { class: "facts" },
          fact("service", ready.ok ? "ready" : "not ready", "ready"), fact("version", health.version), fact("requests a second", rate === null ? NOTHING : fixed(rate, 1)), fact("requests", fixed(measured.requests, 0)),
          fact("answered with an error", fixed(measured.errors, 0)), fact("mean answer", measured.requests ? `${fixed((measured.seconds / measured.requests) * 1000, 1)} ms` : NOTHING), fact("memory", measured.memory ? bytes(measured.memory) : NOTHING)),
        ready.ok ? null : h("p", { class: "problem" }, ready.text),
        h("h2", {}, "Lake ", h("span", { class: "path dim" }, status.lake)),
        h("div", { class: "facts" },
          fact("sessions", fixed(status.sessions, 0)), fact("snapshots", fixed(status.snapshots, 0)), fact("strike rows", fixed(status.strike_rows, 0)),
          fact("of sources", bytes(status.source_bytes)), fact("of Parquet", bytes(status.parquet_bytes)), fact("of database", bytes(status.database_bytes)), fact("quarantined records", fixed(status.records_quarantined, 0))),
        last ? h("p", {}, "Last import ", h("a", { href: formatState({ page: "imports", importId: last.import_id }) }, last.import_id), " ", h("span", { class: `status ${last.status}` }, last.status),
          h("span", { class: "dim num" }, ` ${newYorkMoment(when)} New York · ${utc(when)} UTC${last.finished_at ? ` · ${duration(Math.round((Date.parse(last.finished_at) / 1000 - when) * 10) / 10)}` : ""}`)) : null,
        ...status.staged.map((one) => h("p", { class: "dim" }, `Staged: ${one.import_id}, ${one.running ? "running" : "left over"}`)),
        status.synthetic_sources.length ? h("p", { class: "dim" }, `Synthetic, not real history: ${status.synthetic_sources.join(", ")}`) : null,
        status.feeds.length ? this.feeds(status.feeds) : emptyLake(async () => status));
    } catch (error) {
      if (this.ended || (error instanceof Failure && error.kind === "lost" && this.element.childElementCount)) return this.again();
      return this.shell.fail(error);
    }
    this.again();
  }

  private again(): void {
    if (!this.ended) this.timer = setTimeout(() => void this.load(), EVERY_MS);
  }

  private feeds(feeds: Awaited<ReturnType<Shell["feeds"]>>): HTMLElement {
    const heads = ["Feed", "Type", "Sessions", "From", "To", "Snapshots", "Strike rows", "Sources", "Parquet", "Days", "Time", "Holes"];
    return h("div", { class: "scroll" }, h("table", { class: "list" },
      h("thead", {}, h("tr", {}, ...heads.map((name, place) => h("th", { scope: "col", class: place > 1 ? "r" : null }, name)))),
      h("tbody", {}, ...groupsOfFeeds(feeds).flatMap((group) => group.feeds).map((feed) => h("tr", {},
        h("td", {}, h("a", { href: formatState({ page: "session", feed: feedOf(feed), date: feed.last_session }) }, feedName(feedOf(feed)))),
        h("td", {}, typeOfRow(feed).label),
        h("td", { class: "num r" }, h("a", { href: formatState({ page: "coverage", feed: feedOf(feed) }) }, plural(feed.sessions, "session"))),
        ...[feed.first_session, feed.last_session, fixed(feed.snapshots, 0), fixed(feed.strike_rows, 0), bytes(feed.source_bytes), bytes(feed.parquet_bytes), share(feed.session_coverage), share(feed.time_coverage), fixed(feed.gaps, 0)].map((text) => h("td", { class: "num r" }, text)))))));
  }

  committed(): void {
    clearTimeout(this.timer);
    void this.load();
  }

  destroy(): void {
    this.ended = true;
    clearTimeout(this.timer);
  }
}

async function readiness(): Promise<{ ok: boolean; text: string }> {
  try {
    await api.ready();
    return { ok: true, text: "" };
  } catch (error) {
    if (error instanceof Failure && error.kind === "busy") return { ok: false, text: [error.message, ...error.details.map((one) => one.message)].join(" ") };
    throw error;
  }
}

/** Sums over all routes of Prometheus' text. */
export function readMetrics(text: string): { requests: number; errors: number; seconds: number; memory: number } {
  const found = { requests: 0, errors: 0, seconds: 0, memory: 0 };
  for (const line of text.split("\n")) {
    const parsed = /^(\w+)(\{.*\})?\s+(\S+)/.exec(line);
    if (!parsed) continue;
    const [, name, labels = "", value] = parsed;
    const amount = Number(value);
    if (name!.endsWith("_requests_total")) {
      found.requests += amount;
      if (/status="[45]/.test(labels)) found.errors += amount;
    } else if (/route="[^"]*events"/.test(labels)) {
      continue; // a stream lasts as long as somebody listens: that is no time to answer
    } else if (name!.includes("request") && name!.endsWith("_seconds_sum")) found.seconds += amount;
    else if (name === "process_resident_memory_bytes") found.memory = amount;
  }
  return found;
}
