/** Imports: start one, watch it, and see of each what became of every file and every refused record. */

import { api, Failure, follow, type ImportDocument, type LineageRow, type QuarantineRow } from "../api";
import { fill, h, setText } from "../dom";
import { bytes, duration, fixed, NOTHING, plural } from "../format";
import type { Page, Shell } from "../page";
import type { State } from "../state";
import { newYorkMoment, utc } from "../time";

const UNDER_WAY = new Set(["queued", "running", "stopping"]);

export class ImportsPage implements Page {
  readonly element = h("div", { class: "page imports" });
  private readonly path = h("input", { id: "path", type: "text", required: true, placeholder: "/srv/gex/history", spellcheck: "false", autocomplete: "off" });
  private readonly dry = h("input", { id: "dry", type: "checkbox" });
  private readonly problem = h("p", { class: "problem", role: "alert" });
  private readonly running = h("div", { class: "jobs" });
  private readonly list = h("div", { class: "scroll" });
  private readonly detail = h("section", { class: "import-detail", "aria-live": "polite" });
  private readonly followed = new Map<string, AbortController>();
  private imports: ImportDocument[] = [];

  constructor(
    private readonly shell: Shell,
    private state: State,
  ) {
    fill(this.element,
      h("form", { class: "toolbar start", onsubmit: (event: Event) => { event.preventDefault(); void this.start(); } },
        h("label", { for: "path" }, "File or folder on the server"), this.path,
        h("label", { class: "check" }, this.dry, " Dry run: say what would happen, write nothing"),
        h("button", { type: "submit", class: "primary" }, "Import")),
      this.problem, this.running, h("h2", {}, "History"), this.list, this.detail);
    void this.load();
    void this.shell.status().then((status) => this.shell.markSynthetic(status.synthetic_sources.length > 0)).catch(() => {});
  }

  update(state: State): boolean {
    this.state = state;
    void this.showDetail(state.importId);
    return true;
  }

  private async load(): Promise<void> {
    try {
      this.imports = (await api.imports()).imports;
      this.showList();
      for (const one of this.imports) if (UNDER_WAY.has(one.status)) void this.watch(one);
      await this.showDetail(this.state.importId);
    } catch (error) {
      this.shell.fail(error);
    }
  }

  private async start(): Promise<void> {
    setText(this.problem, "");
    try {
      const job = await api.startImport(this.path.value.trim(), this.dry.checked);
      await this.watch(job);
    } catch (error) {
      if (error instanceof Failure && error.kind === "unauthorised") this.shell.fail(error);
      else setText(this.problem, error instanceof Failure ? error.message : String(error));
    }
  }

  // ---- live --------------------------------------------------------------------------------------------------------

  private async watch(job: ImportDocument): Promise<void> {
    if (this.followed.has(job.import_id)) return;
    const abort = new AbortController();
    this.followed.set(job.import_id, abort);
    const bar = h("progress", { max: 1, value: 0, "aria-label": `Progress of ${job.import_id}` });
    const text = h("span", { class: "num" }, job.status);
    const stop = h("button", { onclick: () => void this.stop(job.import_id) }, "Stop");
    const card = h("div", { class: "job", "data-import": job.import_id },
      h("div", {}, h("b", { title: job.sources.join("\n") }, shortList(job.sources)), job.validate_only ? h("span", { class: "tag" }, "dry run") : null, h("span", { class: "dim num" }, ` ${job.import_id}`)),
      bar, text, stop);
    this.running.prepend(card);
    try {
      await follow(`/imports/${encodeURIComponent(job.import_id)}/events`, (_, data) => {
        const now = data as ImportDocument;
        const progress = (now.progress ?? {}) as Record<string, number>;
        const total = progress.bytes_total ?? 0;
        bar.value = total ? (progress.bytes_done ?? 0) / total : 0;
        stop.disabled = now.status === "stopping";
        setText(text, UNDER_WAY.has(now.status) ? describeProgress(now) : `${now.status}${now.error ? `: ${now.error}` : ""}`);
        if (!UNDER_WAY.has(now.status)) this.ended(card, now);
      }, abort.signal);
    } catch (error) {
      if (!abort.signal.aborted) this.shell.say((error as Error).message);
    } finally {
      this.followed.delete(job.import_id);
    }
  }

  private ended(card: HTMLElement, job: ImportDocument): void {
    card.classList.add("is-ended");
    fill(card, h("div", {}, h("b", { title: job.sources.join("\n") }, shortList(job.sources)), job.validate_only ? h("span", { class: "tag" }, "dry run") : null),
      statusTag(job.status), h("span", { class: "num" }, job.error ?? summary(job)),
      h("button", { onclick: () => { card.remove(); } }, "Close"));
    if (job.validate_only) card.append(this.dryReport(job));
    void api.imports().then(({ imports }) => {
      this.imports = imports;
      this.showList();
    }).catch(() => {});
  }

  private dryReport(job: ImportDocument): HTMLElement {
    const codes = (title: string, found: Record<string, number> | null) => Object.keys(found ?? {}).length
      ? h("div", {}, h("b", {}, title), h("ul", {}, ...Object.entries(found!).map(([code, count]) => h("li", {}, h("code", {}, code), ` ${fixed(count, 0)}`)))) : null;
    return h("div", { class: "dry" }, codes("Would be refused", job.errors), codes("Warnings", job.warnings));
  }

  private async stop(id: string): Promise<void> {
    try {
      await api.stopImport(id);
    } catch (error) {
      this.shell.say((error as Error).message);
    }
  }

  // ---- history -----------------------------------------------------------------------------------------------------

  private showList(): void {
    const ended = this.imports.filter((one) => !UNDER_WAY.has(one.status));
    if (!ended.length) return fill(this.list, h("p", { class: "dim" }, "Nothing has been imported yet."));
    const heads = ["Started (New York)", "UTC", "Status", "Source", "Records", "Duplicate", "Refused", "Time"];
    const right = 4;
    fill(this.list, h("table", { class: "list" },
      h("thead", {}, h("tr", {}, ...heads.map((name, place) => h("th", { scope: "col", class: place >= right ? "r" : null }, name)))),
      h("tbody", {}, ...ended.map((one) => {
        const started = one.started_at ? Date.parse(one.started_at) / 1000 : null;
        return h("tr", { "data-import": one.import_id },
          h("td", {}, h("button", { class: "link num", onclick: () => this.choose(one.import_id) }, started ? newYorkMoment(started) : one.import_id)),
          h("td", { class: "num dim" }, started ? utc(started) : NOTHING), h("td", {}, statusTag(one.status), one.validate_only ? h("span", { class: "tag" }, "dry run") : null),
          h("td", { class: "path", title: one.sources.join("\n") }, shortList(one.sources)),
          ...[Object.values(one.records_imported ?? {}).reduce((sum, count) => sum + count, 0), one.records_duplicate, one.records_quarantined].map((count) => h("td", { class: "num r" }, fixed(count, 0))),
          h("td", { class: "num r" }, duration(one.duration_seconds === null ? null : Math.round(one.duration_seconds * 10) / 10)));
      }))));
    this.mark();
  }

  private choose(id: string): void {
    this.shell.replace({ importId: id });
    void this.showDetail(id);
  }

  private mark(id = this.state.importId): void {
    for (const row of this.list.querySelectorAll<HTMLElement>("tr[data-import]")) row.toggleAttribute("data-chosen", row.dataset.import === id);
  }

  private async showDetail(id: string | null): Promise<void> {
    this.mark(id);
    if (!id) return fill(this.detail);
    try {
      const [{ lineage }, { quarantine }] = await Promise.all([api.lineage(id), api.quarantine(id)]);
      lineage.sort((one, other) => rank(one.status) - rank(other.status)); // what went wrong is what one looks for
      fill(this.detail, h("h2", {}, "Files of ", h("span", { class: "num" }, id)), this.lineageTable(lineage),
        h("h2", {}, `Quarantine: ${plural(quarantine.length, "refused record")}`), this.quarantineTable(quarantine));
    } catch (error) {
      this.shell.say((error as Error).message);
    }
  }

  private lineageTable(rows: LineageRow[]): HTMLElement {
    if (!rows.length) return h("p", { class: "dim" }, "It had no file to read.");
    const heads = ["Status", "File", "Feed", "Session", "Size", "Seen", "Imported", "Duplicate", "Refused", "SHA-256"];
    return h("div", { class: "scroll tall" }, h("table", { class: "list lineage" },
      h("thead", {}, h("tr", {}, ...heads.map((name, place) => h("th", { scope: "col", class: place > 3 && place < 9 ? "r" : null }, name)))),
      h("tbody", {}, ...rows.map((row) => h("tr", {},
        h("td", {}, statusTag(row.status)),
        h("td", { class: "path" }, row.source_file, row.message ? h("div", { class: "dim" }, row.message) : null),
        h("td", { class: "feed" }, row.ticker ? `${row.ticker} ${row.package} ${row.category}` : NOTHING), h("td", { class: "num" }, row.session_date ?? NOTHING),
        ...[bytes(row.source_bytes), ...[row.records_seen, row.records_imported, row.records_duplicate, row.records_quarantined].map((count) => fixed(count, 0))].map((text) => h("td", { class: "num r" }, text)),
        h("td", { class: "num dim", title: row.source_sha256 }, row.source_sha256.slice(0, 10)))))));
  }

  private quarantineTable(rows: QuarantineRow[]): HTMLElement {
    if (!rows.length) return h("p", { class: "dim" }, "Every record was good.");
    return h("div", { class: "scroll tall" }, ...rows.map((row) => h("details", { class: "refused" },
      h("summary", {}, h("code", {}, row.reason), " ", row.message, h("span", { class: "dim" }, ` ${row.source_file.split("/").at(-1)} · record ${fixed(row.record_index, 0)} · byte ${fixed(row.byte_offset, 0)}`)),
      h("p", { class: "dim path" }, row.source_file),
      h("pre", {}, row.raw ?? (row.raw_file ? `Kept in ${row.raw_file}` : row.raw_bytes ? `(base64) ${row.raw_bytes}` : "")))));
  }

  committed(): void {}

  destroy(): void {
    for (const abort of this.followed.values()) abort.abort();
  }
}

const rank = (status: string) => ["failed", "partial", "unsupported", "success", "skipped"].indexOf(status);

function statusTag(status: string): HTMLElement {
  return h("span", { class: `status ${status}` }, status);
}

/** The first of some sources, and how many more there are. */
export function shortList(sources: string[]): string {
  const [first = "", ...more] = sources;
  return more.length ? `${first} and ${fixed(more.length, 0)} more` : first;
}

export function describeProgress(job: ImportDocument): string {
  const progress = (job.progress ?? {}) as Record<string, number>;
  if (!progress.bytes_total || job.status === "stopping") return job.status;
  return `${bytes(progress.bytes_done ?? 0)} of ${bytes(progress.bytes_total)} · ${fixed(progress.files_done ?? 0, 0)} of ${plural(progress.files_total ?? 0, "file")}`;
}

function summary(job: ImportDocument): string {
  const imported = Object.values(job.records_imported ?? {}).reduce((sum, count) => sum + count, 0);
  return `${plural(job.records_seen ?? 0, "record")} seen = ${fixed(imported, 0)} imported + ${fixed(job.records_duplicate, 0)} duplicate + ${fixed(job.records_quarantined, 0)} quarantined`;
}
