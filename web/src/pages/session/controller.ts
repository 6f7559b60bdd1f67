/** One session: heatmap, profile, sums, and the second that all of them show. */

import { api, Failure, type Feed, type FeedStatus, type SessionRow, type Snapshot } from "../../api";
import { Heatmap, OVERLAYS } from "../../charts/heatmap";
import { describeLadder, Profile } from "../../charts/profile";
import { Sums } from "../../charts/sums";
import { inks } from "../../charts/canvas";
import { colourAt, scaleBound, valueAt } from "../../colour";
import { download, fill, h, setText } from "../../dom";
import { compact, fixed, level, NOTHING, signed } from "../../format";
import { emptyLake, noSession } from "../../notices";
import { feedName, feedOf, sameFeed, type Page, type Shell } from "../../page";
import { picture } from "../../picture";
import { Snapshots } from "../../snapshots";
import { formatState, type State } from "../../state";
import { theme } from "../../theme";
import { instantOf, longDate, newYork, newYorkMoment, utc } from "../../time";
import type { SessionView } from "../../view";
import { fit, follow, pan, same, zoom, type Range, type Window } from "../../window";

const SPEEDS = [1, 5, 15, 60, 300];
const LEAST_SECONDS = 30;
const PRIOR_NAMES = ["now", "1 min", "5 min", "10 min", "15 min", "30 min"];
const MAX_PRIOR_ROWS = PRIOR_NAMES.length;
type Value = State["value"];

export class SessionPage implements Page {
  readonly element = h("div", { class: "session" });
  private readonly heatBox = h("div", { class: "heat chart", tabindex: "0", "aria-describedby": "chart-help" });
  private readonly profileBox = h("div", { class: "prof chart" });
  private readonly sumsBox = h("div", { class: "sums chart" });
  private readonly legend = h("div", { class: "legend", role: "img" });
  private readonly tip = h("div", { class: "tip", hidden: true });
  private readonly readout = h("aside", { class: "readout", "aria-label": "Values at the chosen second" });
  private readonly live = h("div", { class: "sr", "aria-live": "polite" });
  private readonly stage = h("div", { class: "stage" });
  private readonly feedSelect = h("select", { "aria-label": "Feed", onchange: () => this.chooseFeed() });
  private readonly dateSelect = h("select", { "aria-label": "Session date", onchange: () => this.openDate(this.dateSelect.value) });
  private readonly previous = h("button", { title: "Previous session (B)", "aria-label": "Previous session", onclick: () => this.neighbour(-1) }, "‹");
  private readonly following = h("button", { title: "Next session (N)", "aria-label": "Next session", onclick: () => this.neighbour(1) }, "›");
  private readonly valueButtons = new Map<Value, HTMLButtonElement>();
  private readonly resetButton = h("button", { title: "Whole session (0)", onclick: () => this.resetWindow() }, "Reset zoom");
  private readonly playButton = h("button", { class: "play primary", title: "Play or pause (Space)", "aria-label": "Play", onclick: () => this.togglePlay() }, "▶");
  private readonly speedSelect = h("select", { "aria-label": "Speed", title: "Speed (1–5)", onchange: () => { this.speed = Number(this.speedSelect.value); } },
    ...SPEEDS.map((speed) => h("option", { value: speed, selected: speed === 60 }, `${speed}×`)));
  private readonly slider = h("input", { type: "range", class: "slider", "aria-label": "Time of the session", step: 1, oninput: () => this.seek(Number(this.slider.value)) });
  private readonly cells: Record<string, HTMLElement> = {};
  private readonly priorCells: [HTMLElement, HTMLElement][] = [];

  private heat!: Heatmap;
  private profile!: Profile;
  private sums!: Sums;
  private feeds: FeedStatus[] = [];
  private rows: SessionRow[] = [];
  private feed: Feed | null = null;
  private date: string | null = null;
  private value: Value = "gex_vol";
  private views = new Map<Value, SessionView>();
  private bounds = new Map<Value, number>();
  private detail: SessionView | null = null;
  private snapshots: Snapshots | null = null;
  private shown: Snapshot | null = null;
  private instant = 0;
  private strike: number | null = null;
  private window: Window = { time: { low: 0, high: 1 }, price: { low: 0, high: 1 } };
  private hidden = new Set<string>();
  private speed = 60;
  private playing = false;
  private frame = 0;
  private fraction = 0;
  private timers: Record<string, ReturnType<typeof setTimeout>> = {};
  private abort = new AbortController();
  private opening = 0;

  constructor(
    private readonly shell: Shell,
    private state: State,
  ) {
    this.build();
    void this.open(state);
  }

  // ---- the frame ---------------------------------------------------------------------------------------------------

  private build(): void {
    const valueGroup = h("div", { class: "segments", role: "group", "aria-label": "Value of the heatmap" });
    for (const [value, name] of [["gex_vol", "Volume"], ["gex_oi", "Open interest"]] as const) {
      const button = h("button", { "aria-pressed": "false", title: `GEX by ${name.toLowerCase()} (V)`, onclick: () => this.chooseValue(value) }, name);
      this.valueButtons.set(value, button);
      valueGroup.append(button);
    }
    const chips = h("div", { class: "chips", role: "group", "aria-label": "Lines over the heatmap" });
    for (const overlay of [...OVERLAYS].reverse()) {
      const sample = h("span", { class: `line line-${overlay.id}`, "aria-hidden": "true" });
      chips.append(h("button", { class: "chip", "aria-pressed": "true", "data-overlay": overlay.id, onclick: () => this.toggleOverlay(overlay.id) }, sample, overlay.name));
    }
    const toolbar = h("div", { class: "toolbar" },
      this.feedSelect,
      h("div", { class: "joined" }, this.previous, this.dateSelect, this.following),
      valueGroup, chips, h("span", { class: "spring" }), this.resetButton,
      h("button", { title: "Save the picture (P)", onclick: () => this.savePicture() }, "PNG"),
      h("button", { title: "Save the heatmap in view as CSV (C)", onclick: () => this.saveCells() }, "CSV"),
      h("button", { title: "Save the ladder at this second as CSV (L)", onclick: () => this.saveLadder() }, "Ladder"));
    const step = (text: string, name: string, title: string, run: () => void) => h("button", { "aria-label": name, title, onclick: run }, text);
    const transport = h("div", { class: "transport" },
      h("div", { class: "joined" },
        step("⇤", "Previous largest change", "Previous largest change (,)", () => this.toMove(-1)),
        step("−1m", "A minute back", "A minute back (Shift ←)", () => this.step(-60)),
        step("−1s", "A second back", "A second back (←)", () => this.step(-1)),
        this.playButton,
        step("+1s", "A second forward", "A second forward (→)", () => this.step(1)),
        step("+1m", "A minute forward", "A minute forward (Shift →)", () => this.step(60)),
        step("⇥", "Next largest change", "Next largest change (.)", () => this.toMove(1))),
      this.speedSelect, this.slider,
      h("div", { class: "clock" }, this.cell("clock"), h("span", { class: "dim" }, " NY  "), this.cell("clockUtc"), h("span", { class: "dim" }, " UTC")));
    this.buildReadout();
    fill(this.stage, this.heatBox, this.profileBox, this.readout, this.sumsBox, this.legend);
    fill(this.element, toolbar, this.stage, transport, this.live,
      h("p", { id: "chart-help", class: "sr" }, "Arrow keys choose time and strike; press the question mark for all keys."));
    this.heatBox.append(this.tip);
    this.heat = new Heatmap(this.heatBox);
    this.profile = new Profile(this.profileBox);
    this.sums = new Sums(this.sumsBox);
    this.listen();
  }

  private cell(name: string): HTMLElement {
    return (this.cells[name] = h("span", { class: "num", "data-cell": name }, NOTHING));
  }

  private buildReadout(): void {
    const row = (label: string, name: string, mark = "") => h("tr", {}, h("th", { scope: "row" }, mark ? h("span", { class: `line line-${mark}` }) : null, label), h("td", { colspan: 2 }, this.cell(name)));
    const pair = (label: string, vol: string, oi: string) =>
      h("tr", {}, h("th", { scope: "row" }, label), h("td", {}, this.cell(vol)), h("td", {}, this.cell(oi)));
    const priors = h("tbody", {});
    for (let place = 0; place < MAX_PRIOR_ROWS; place += 1) {
      const [strike, change] = [h("td", { class: "num" }, NOTHING), h("td", { class: "num" }, NOTHING)];
      this.priorCells.push([strike, change]);
      priors.append(h("tr", {}, h("th", { scope: "row" }, PRIOR_NAMES[place]!), strike, change));
    }
    fill(this.readout,
      h("div", { class: "big" }, this.cell("spot"), h("small", {}, "spot")),
      h("p", { class: "asof dim" }, this.cell("asof")),
      h("table", {}, h("tbody", {}, row("Zero gamma", "zero_gamma", "zero"), row("Spot to zero", "distance"))),
      h("table", {}, h("thead", {}, h("tr", {}, h("th", {}), h("th", { scope: "col" }, "Volume"), h("th", { scope: "col" }, "Open int."))),
        h("tbody", {},
          pair("Major +", "major_pos_vol", "major_pos_oi"),
          pair("Major −", "major_neg_vol", "major_neg_oi"),
          pair("Sum", "sum_gex_vol", "sum_gex_oi"))),
      h("table", {}, h("tbody", {}, row("Delta RR", "delta_risk_reversal"), row("Days to expiry", "dte"))),
      h("table", { class: "strike" }, h("caption", {}, "Strike ", this.cell("strike")),
        h("tbody", {}, pair("GEX", "strike_vol", "strike_oi"), row("Earlier", "strike_priors"))),
      h("table", {}, h("caption", {}, "Largest change"), priors));
  }

  // ---- opening -----------------------------------------------------------------------------------------------------

  update(state: State): boolean {
    const other = !sameFeed(state.feed, this.feed) || (state.date && state.date !== this.date);
    this.state = state;
    if (other || !this.views.size) void this.open(state);
    else this.restore(state);
    return true;
  }

  /** Choose feed and date, fetch the picture of the whole session, then the rest. */
  private async open(state: State): Promise<void> {
    const number = (this.opening += 1);
    await Promise.resolve(); // the page is in its place then, and knows how wide it is
    if (number !== this.opening) return;
    this.pause();
    this.abort.abort();
    this.abort = new AbortController();
    this.snapshots?.close();
    this.value = state.value;
    this.hidden = new Set(state.hidden);
    this.element.setAttribute("aria-busy", "true");
    try {
      let { feed, date } = state;
      if (!feed || !date) {
        this.feeds = await this.shell.feeds();
        const chosen = this.feeds.find((one) => sameFeed(feedOf(one), feed)) ?? (feed ? null : [...this.feeds].sort((a, b) => b.snapshots - a.snapshots)[0]);
        if (!this.feeds.length) return this.present(number, emptyLake());
        if (chosen) [feed, date] = [feedOf(chosen), date ?? chosen.last_session];
        date ??= this.feeds[0]!.last_session;
      }
      if (!feed || number !== this.opening) return;
      [this.feed, this.date] = [feed, date];
      void this.loadLists(feed, number);
      const view = await api.view(feed, date, this.value, this.columns(), undefined, this.abort.signal);
      if (number !== this.opening) return;
      this.take(view, state);
    } catch (error) {
      if (number !== this.opening || (error as Error).name === "AbortError") return;
      this.element.removeAttribute("aria-busy");
      if (error instanceof Failure && error.code === "session_unknown") await this.presentNoSession(error, number);
      else this.shell.fail(error);
    }
  }

  private columns(): number {
    return Math.min(2000, Math.max(400, Math.round((this.heatBox.clientWidth * Math.min(2, devicePixelRatio)) / 50) * 50));
  }

  private take(view: SessionView, state: State): void {
    const { head } = view;
    this.views = new Map([[this.value, view]]);
    this.bounds = new Map([[this.value, scaleBound(view.cells)]]);
    this.detail = null;
    this.present(this.opening, null);
    this.shell.markSynthetic(head.synthetic);
    document.title = `${head.symbol} ${head.session_date} · gexlake`;
    this.snapshots = new Snapshots(this.feed!, head.first, () => this.arrived(), (error) => this.failed(error));
    this.slider.min = String(Math.ceil(head.first));
    this.slider.max = String(Math.floor(head.last));
    this.window = this.whole();
    this.showDates();
    this.element.removeAttribute("aria-busy");
    this.restore(state);
    this.remember();
    setTimeout(() => void this.viewOf(this.value === "gex_vol" ? "gex_oi" : "gex_vol"), 300);
  }

  private present(number: number, notice: HTMLElement | null): void {
    if (number !== this.opening) return;
    this.element.removeAttribute("aria-busy");
    this.element.querySelector(".notice")?.remove();
    this.element.classList.toggle("is-empty", notice !== null);
    if (notice) {
      this.views.clear();
      this.stage.before(notice);
      this.shell.markSynthetic(false);
    }
  }

  private async presentNoSession(error: Failure, number: number): Promise<void> {
    const feed = this.feed!;
    const rows = (await api.sessions(feed)).sessions.map((row) => row.session_date);
    const before = rows.find((day) => day < this.date!);
    const after = [...rows].reverse().find((day) => day > this.date!);
    const near = [before, after].filter((day) => day !== undefined).map((day) => ({ label: longDate(day), href: formatState({ page: "session", feed, date: day, value: this.value }) }));
    this.present(number, noSession(error.message, near));
    this.showDates();
  }

  private async loadLists(feed: Feed, number: number): Promise<void> {
    try {
      const [feeds, sessions] = await Promise.all([this.feeds.length ? this.feeds : this.shell.feeds(), api.sessions(feed)]);
      if (number !== this.opening) return;
      [this.feeds, this.rows] = [feeds, sessions.sessions];
      this.showDates();
    } catch (error) {
      this.failed(error);
    }
  }

  private showDates(): void {
    const feed = this.feed;
    fill(this.feedSelect, ...this.feeds.map((one) => h("option", { value: JSON.stringify(feedOf(one)), selected: sameFeed(feedOf(one), feed) }, feedName(feedOf(one)))));
    const dates = this.rows.map((row) => ({ date: row.session_date, mark: row.gaps ? " · holes" : "" }));
    if (this.date && !dates.some(({ date }) => date === this.date)) dates.push({ date: this.date, mark: "" });
    dates.sort((one, other) => (one.date < other.date ? 1 : -1));
    fill(this.dateSelect, ...dates.map(({ date, mark }) => h("option", { value: date, selected: date === this.date }, `${longDate(date)}${mark}`)));
    this.previous.disabled = !this.near(-1);
    this.following.disabled = !this.near(1);
  }

  private near(direction: 1 | -1): string | null {
    const days = this.rows.map((row) => row.session_date);
    const wanted = days.filter((day) => (direction > 0 ? day > this.date! : day < this.date!)).sort();
    return (direction > 0 ? wanted[0] : wanted.at(-1)) ?? null;
  }

  private neighbour(direction: 1 | -1): void {
    const day = this.near(direction);
    if (day) this.openDate(day);
  }

  /** The same second of another day. */
  private openDate(date: string): void {
    this.shell.go({ ...this.address(), page: "session", date, from: null, to: null, low: null, high: null, strike: null });
  }

  private chooseFeed(): void {
    const feed = JSON.parse(this.feedSelect.value) as Feed;
    const row = this.feeds.find((one) => sameFeed(feedOf(one), feed));
    const within = row && this.date && this.date >= row.first_session && this.date <= row.last_session;
    this.shell.go({ page: "session", feed, date: within ? this.date : (row?.last_session ?? null), at: this.views.size ? newYork(this.instant) : null, value: this.value, hidden: [...this.hidden] });
  }

  committed(feed: Feed, date: string): void {
    if (sameFeed(feed, this.feed)) void this.loadLists(feed, this.opening);
    if (!this.views.size && (!this.feed || (sameFeed(feed, this.feed) && date === this.date))) void this.open(this.state);
  }

  // ---- state -------------------------------------------------------------------------------------------------------

  private get view(): SessionView {
    return this.views.get(this.value) ?? [...this.views.values()][0]!;
  }

  private whole(): Window {
    const { view } = this;
    const edges = view.edges();
    let [low, high] = [edges[0]!, edges.at(-1)!];
    for (const spot of view.array("spot_min")) if (spot > 0 && spot < low) low = spot; // spot may leave a short ladder
    for (const spot of view.array("spot_max")) if (spot > high) high = spot;
    return { time: { low: view.start, high: view.end }, price: { low, high } };
  }

  private restore(state: State): void {
    const date = this.date!;
    const { head } = this.view;
    const whole = this.whole();
    const of = (text: string | null) => (text ? instantOf(date, text) : null);
    const range = (low: number | null, high: number | null, bounds: Range) =>
      low !== null && high !== null && low < high ? fit({ low: Math.max(low, bounds.low), high: Math.min(high, bounds.high) }, bounds) : bounds;
    this.window = { time: range(of(state.from), of(state.to), whole.time), price: range(state.low, state.high, whole.price) };
    this.hidden = new Set(state.hidden);
    this.strike = state.strike;
    const instant = of(state.at) ?? head.last;
    this.instant = Math.min(Math.max(instant, head.first), head.last);
    if (state.value !== this.value && this.views.size) this.chooseValue(state.value);
    this.detail = null;
    this.redraw();
    this.wantDetail();
    this.seek(this.instant, false);
  }

  private address(): Partial<State> {
    const whole = this.views.size ? this.whole() : this.window;
    const zoomed = !same(this.window.time, whole.time);
    const tall = !same(this.window.price, whole.price);
    return {
      feed: this.feed, date: this.date, value: this.value,
      at: this.views.size ? newYork(this.instant) : null,
      from: zoomed ? newYork(this.window.time.low) : null,
      to: zoomed ? newYork(this.window.time.high) : null,
      low: tall ? Math.round(this.window.price.low * 100) / 100 : null,
      high: tall ? Math.round(this.window.price.high * 100) / 100 : null,
      strike: this.strike, hidden: [...this.hidden],
    };
  }

  /** Browsers allow some hundred changes of the address a minute: it follows with a delay. */
  private remember(): void {
    this.later("address", 250, () => this.views.size && this.shell.replace(this.address()));
  }

  private later(name: string, delay: number, run: () => void): void {
    clearTimeout(this.timers[name]);
    this.timers[name] = setTimeout(run, delay);
  }

  // ---- drawing -----------------------------------------------------------------------------------------------------

  private redraw(): void {
    if (!this.views.size) return;
    const { view, window } = this;
    const bound = this.bounds.get(this.value) ?? 1;
    const shade = theme();
    const detail = this.detail?.head.value === this.value ? this.detail : null;
    this.heat.show({ overview: view, detail, bound, window, instant: this.instant, strike: this.strike, hidden: this.hidden, theme: shade });
    this.sums.show({ overview: view, detail, time: window.time, instant: this.instant, value: this.value, theme: shade });
    this.drawProfile();
    this.drawLegend(bound);
    for (const [value, button] of this.valueButtons) button.setAttribute("aria-pressed", String(value === this.value));
    for (const chip of this.element.querySelectorAll<HTMLElement>(".chip")) chip.setAttribute("aria-pressed", String(!this.hidden.has(chip.dataset.overlay!)));
    const whole = this.whole();
    this.resetButton.disabled = same(window.time, whole.time) && same(window.price, whole.price);
  }

  private drawLegend(bound: number): void {
    const shade = theme();
    const ticks = [-1, -0.5, 0, 0.5, 1].map((place) => `${Math.abs(place) === 1 ? (place < 0 ? "≤ " : "≥ ") : ""}${compact(valueAt(place, bound))}`);
    const canvas = h("canvas", { width: 201, height: 1 });
    const context = canvas.getContext("2d")!;
    for (let x = 0; x <= 200; x += 1) {
      const [red, green, blue] = colourAt(x / 100 - 1, shade);
      context.fillStyle = `rgb(${red},${green},${blue})`;
      context.fillRect(x, 0, 1, 1);
    }
    const name = this.value === "gex_vol" ? "GEX by volume" : "GEX by open interest";
    this.legend.setAttribute("aria-label", `${name}: from ${ticks[0]} blue over 0 to ${ticks[4]} orange`);
    fill(this.legend, h("div", { class: "legend-name" }, name, h("span", { class: "dim" }, " scale of the day, outliers beyond")),
      canvas, h("div", { class: "legend-ticks num" }, ...ticks.map((tick) => h("span", {}, tick))),
      h("div", { class: "legend-key dim" },
        h("span", {}, h("i", { class: "dots", "aria-hidden": "true" }), "earlier values, 1–30 min"),
        h("span", {}, h("i", { class: "hatch", "aria-hidden": "true" }), "no data"),
        h("span", {}, h("i", { class: "move", "aria-hidden": "true" }), "largest changes")));
  }

  private drawProfile(): void {
    const view = this.views.get("gex_oi");
    const noOpenInterest = this.feed?.package === "state" || (view !== undefined && this.shown !== null && this.shown.strikes.every((row) => !row[2]) && view.head.moves.length === 0);
    this.profile.show({ snapshot: this.shown, price: this.window.price, strike: this.strike, theme: theme(), noOpenInterest });
  }

  private chooseValue(value: Value): void {
    this.value = value;
    void this.viewOf(value).then(() => {
      if (this.value !== value || !this.views.has(value)) return;
      this.redraw();
      this.wantDetail();
      this.remember();
    });
  }

  private async viewOf(value: Value): Promise<void> {
    const { feed, date, opening } = this;
    if (this.views.has(value) || !feed || !date) return;
    try {
      const view = await api.view(feed, date, value, this.columns(), undefined, this.abort.signal);
      if (opening !== this.opening) return;
      this.views.set(value, view);
      this.bounds.set(value, scaleBound(view.cells));
    } catch (error) {
      this.failed(error);
    }
  }

  private toggleOverlay(id: string): void {
    if (!this.hidden.delete(id)) this.hidden.add(id);
    this.redraw();
    this.remember();
  }

  // ---- time --------------------------------------------------------------------------------------------------------

  /** Show another second; within a zoomed window the picture follows it. */
  seek(instant: number, remember = true): void {
    if (!this.views.size) return;
    const { head } = this.view;
    this.instant = Math.min(Math.max(Math.round(instant), Math.ceil(head.first)), Math.floor(head.last));
    const whole = this.whole();
    const time = follow(this.window.time, whole.time, this.instant);
    if (!same(time, this.window.time)) {
      this.window = { ...this.window, time };
      this.redraw();
      this.wantDetail();
    } else {
      this.heat.moveTo(this.instant, this.strike);
      this.sums.moveTo(this.instant);
    }
    if (this.slider.value !== String(this.instant)) this.slider.value = String(this.instant);
    this.slider.setAttribute("aria-valuetext", `${newYork(this.instant)} New York`);
    setText(this.cells.clock!, newYork(this.instant));
    setText(this.cells.clockUtc!, utc(this.instant));
    this.snapshots?.want(this.instant);
    this.arrived();
    if (remember) this.remember();
    if (!this.playing) this.later("live", 600, () => setText(this.live, `${newYork(this.instant)} New York, spot ${level(this.shown?.spot)}`));
  }

  private arrived(): void {
    const found = this.snapshots?.have(this.instant) ?? null;
    if (found && found !== this.shown) {
      this.shown = found;
      this.drawProfile();
    } else if (!found && this.shown && this.shown.timestamp > this.instant) {
      this.shown = null;  // nothing later than the chosen second is ever shown
      this.drawProfile();
    }
    this.fillReadout();
  }

  private fillReadout(): void {
    const snapshot = this.shown;
    const put = (name: string, text: string) => setText(this.cells[name]!, text);
    put("spot", fixed(snapshot?.spot));
    const age = snapshot ? this.instant - snapshot.timestamp : 0;
    put("asof", snapshot ? (age ? `as of ${newYork(snapshot.timestamp)}, ${fixed(age, 0)} s before` : `as of ${newYork(snapshot.timestamp)} New York`) : "no snapshot yet");
    this.cells.asof!.classList.toggle("warn", age > 5);
    for (const name of ["zero_gamma", "major_pos_vol", "major_pos_oi", "major_neg_vol", "major_neg_oi"] as const) put(name, level(snapshot?.[name]));
    put("distance", snapshot?.spot && snapshot.zero_gamma ? signed(snapshot.spot - snapshot.zero_gamma) : NOTHING);
    put("sum_gex_vol", fixed(snapshot?.sum_gex_vol, 0));
    put("sum_gex_oi", this.feed?.package === "state" ? NOTHING : fixed(snapshot?.sum_gex_oi, 0));
    put("delta_risk_reversal", snapshot?.delta_risk_reversal ? fixed(snapshot.delta_risk_reversal, 3) : NOTHING);
    put("dte", snapshot ? `${snapshot.min_dte ?? NOTHING} / ${snapshot.sec_min_dte ?? NOTHING}` : NOTHING);
    const row = snapshot?.strikes.find(([strike]) => strike === this.strike);
    put("strike", this.strike === null ? "none chosen" : fixed(this.strike));
    put("strike_vol", fixed(row?.[1]));
    put("strike_oi", this.feed?.package === "state" ? NOTHING : fixed(row?.[2]));
    put("strike_priors", row?.[3]?.length ? row[3].map((value) => fixed(value)).join("  ") : NOTHING);
    this.priorCells.forEach(([strike, change], place) => {
      const found = snapshot?.max_priors?.[place];
      setText(strike, found ? fixed(found[0]) : NOTHING);
      setText(change, found ? signed(found[1]) : NOTHING);
    });
    this.later("describe", 300, () => {
      this.heat.describe(`Gamma exposure by strike and time, ${newYork(this.instant)} New York, spot ${level(snapshot?.spot)}, zero gamma ${level(snapshot?.zero_gamma)}`);
      this.profile.describe(describeLadder(snapshot));
    });
  }

  private step(seconds: number): void {
    this.pause();
    this.seek(this.instant + seconds);
  }

  private toMove(direction: 1 | -1): void {
    if (!this.views.size) return;
    this.pause();
    const moves = this.view.head.moves.map(([instant]) => instant);
    const next = direction > 0 ? moves.find((one) => one > this.instant) : [...moves].reverse().find((one) => one < this.instant);
    if (next === undefined) this.shell.say(direction > 0 ? "No larger change comes later." : "No larger change came before.");
    else this.seek(next);
  }

  private togglePlay(): void {
    if (this.playing) this.pause();
    else this.play();
  }

  private play(): void {
    if (!this.views.size) return;
    if (this.instant >= Math.floor(this.view.head.last)) this.seek(this.view.head.first);
    this.playing = true;
    this.fraction = this.instant;
    this.showPlaying();
    let before = performance.now();
    const advance = (now: number) => {
      if (!this.playing) return;
      this.fraction += (Math.min(250, now - before) / 1000) * this.speed;
      before = now;
      if (Math.floor(this.fraction) !== this.instant) {
        this.snapshots?.ahead(this.fraction, Math.max(30, this.speed * 1.5));
        this.seek(Math.floor(this.fraction));
      }
      if (this.fraction >= this.view.head.last) this.pause();
      else this.frame = requestAnimationFrame(advance);
    };
    this.frame = requestAnimationFrame(advance);
  }

  private pause(): void {
    this.playing = false;
    cancelAnimationFrame(this.frame);
    this.showPlaying();
  }

  private showPlaying(): void {
    setText(this.playButton, this.playing ? "❚❚" : "▶");
    this.playButton.setAttribute("aria-label", this.playing ? "Pause" : "Play");
  }

  // ---- window ------------------------------------------------------------------------------------------------------

  private setWindow(window: Window): void {
    this.window = window;
    this.later("draw", 0, () => {});
    this.redraw();
    this.wantDetail();
    this.remember();
  }

  private resetWindow(): void {
    this.detail = null;
    this.setWindow(this.whole());
  }

  private zoomTime(factor: number, around = this.instant): void {
    const bounds = this.whole().time;
    this.setWindow({ ...this.window, time: zoom(this.window.time, bounds, factor, around, LEAST_SECONDS) });
  }

  private zoomPrice(factor: number, around = this.strike ?? this.shown?.spot ?? (this.window.price.low + this.window.price.high) / 2): void {
    const bounds = this.whole().price;
    const least = (bounds.high - bounds.low) / Math.max(2, this.view.strikes.length / 6);
    this.setWindow({ ...this.window, price: zoom(this.window.price, bounds, factor, Math.min(Math.max(around, this.window.price.low), this.window.price.high), least) });
  }

  private panBy(time: number, price: number): void {
    const whole = this.whole();
    this.setWindow({
      time: pan(this.window.time, whole.time, time * (this.window.time.high - this.window.time.low)),
      price: pan(this.window.price, whole.price, price * (this.window.price.high - this.window.price.low)),
    });
  }

  /** A zoomed window deserves its own columns; they are fetched when it has come to rest. */
  private wantDetail(): void {
    const whole = this.whole().time;
    const { low, high } = this.window.time;
    if (high - low > (whole.high - whole.low) * 0.85 || this.view.head.column_seconds <= 1) return;
    const detail = this.detail;
    if (detail?.head.value === this.value && detail.start <= low && detail.end >= high && detail.head.column_seconds <= Math.max(1, ((high - low) / this.columns()) * 1.6)) return;
    this.later("detail", 120, () => void this.fetchDetail());
  }

  private async fetchDetail(): Promise<void> {
    const { feed, date, opening, value } = this;
    const { low, high } = this.window.time;
    const margin = (high - low) * 0.25;
    const whole = this.whole().time;
    const range: [number, number] = [Math.max(whole.low, Math.floor(low - margin)), Math.min(whole.high, Math.ceil(high + margin))];
    try {
      const view = await api.view(feed!, date!, value, Math.min(3000, Math.round(this.columns() * 1.5)), range, this.abort.signal);
      if (opening !== this.opening || value !== this.value) return;
      this.detail = view;
      this.redraw();
    } catch (error) {
      this.failed(error);
    }
  }

  // ---- pointer -----------------------------------------------------------------------------------------------------

  private listen(): void {
    const { heatBox } = this;
    const at = (event: MouseEvent, box: HTMLElement) => {
      const place = box.getBoundingClientRect();
      return { x: event.clientX - place.left, y: event.clientY - place.top };
    };
    heatBox.addEventListener("wheel", (event) => {
      if (!this.views.size) return;
      event.preventDefault();
      const { x, y } = at(event, heatBox);
      const factor = Math.exp(Math.max(-60, Math.min(60, event.deltaY || event.deltaX)) * 0.004);
      if (event.shiftKey || event.ctrlKey || x < this.heat.plot.left) this.zoomPrice(factor, this.heat.priceAt(y));
      else this.zoomTime(factor, this.heat.instantAt(x));
    }, { passive: false });
    heatBox.addEventListener("dblclick", () => this.views.size && this.resetWindow());
    const touches = new Map<number, { x: number; y: number }>();
    let moved = 0;
    heatBox.addEventListener("pointerdown", (event) => {
      if (!this.views.size || event.button > 0) return;
      touches.set(event.pointerId, at(event, heatBox));
      heatBox.setPointerCapture(event.pointerId);
      moved = 0;
    });
    heatBox.addEventListener("pointermove", (event) => {
      if (!this.views.size) return;
      const place = at(event, heatBox);
      const before = touches.get(event.pointerId);
      if (before) {
        moved += Math.abs(place.x - before.x) + Math.abs(place.y - before.y);
        const other = [...touches].find(([id]) => id !== event.pointerId)?.[1];
        const { width, height } = this.heat.plot;
        if (other) {  // two fingers
          const [now, then] = [Math.abs(place.x - other.x) || 1, Math.abs(before.x - other.x) || 1];
          this.zoomTime(then / now, this.heat.instantAt((place.x + other.x) / 2));
        } else if (moved > 4) {
          this.panBy(-(place.x - before.x) / width, (place.y - before.y) / height);
          heatBox.classList.add("is-dragged");
        }
        touches.set(event.pointerId, place);
      }
      this.hoverAt(place);
    });
    const release = (event: PointerEvent) => {
      const place = touches.get(event.pointerId);
      touches.delete(event.pointerId);
      heatBox.classList.remove("is-dragged");
      if (place && moved <= 4 && event.type === "pointerup" && this.heat.isInside(place.x, place.y)) {
        this.pause();
        this.strike = this.view.strikes[this.view.strikeAt(this.heat.priceAt(place.y))] ?? null;
        this.drawProfile();
        this.seek(this.heat.instantAt(place.x));
      }
    };
    heatBox.addEventListener("pointerup", release);
    heatBox.addEventListener("pointercancel", release);
    heatBox.addEventListener("pointerleave", () => this.hoverAt(null));
    const { sumsBox } = this;
    const scrub = (event: PointerEvent) => {
      if (event.buttons && this.views.size) this.seek(this.sums.instantAt(at(event, sumsBox).x));
    };
    sumsBox.addEventListener("pointerdown", (event) => {
      sumsBox.setPointerCapture(event.pointerId);
      this.pause();
      scrub(event);
    });
    sumsBox.addEventListener("pointermove", scrub);
    this.profileBox.addEventListener("click", (event) => {
      if (!this.views.size) return;
      this.strike = this.view.strikes[this.view.strikeAt(this.profile.priceAt(at(event, this.profileBox).y))] ?? null;
      this.chosenStrike();
    });
  }

  private chosenStrike(): void {
    this.heat.moveTo(this.instant, this.strike);
    this.drawProfile();
    this.fillReadout();
    this.remember();
    setText(this.live, `Strike ${fixed(this.strike)}: volume ${this.cells.strike_vol!.textContent}, open interest ${this.cells.strike_oi!.textContent}`);
  }

  private hoverAt(place: { x: number; y: number } | null): void {
    this.heat.hover = place;
    this.heat.drawCursor();
    const inside = place !== null && this.heat.isInside(place.x, place.y);
    this.tip.hidden = !inside;
    if (!inside) return;
    const instant = this.heat.instantAt(place.x);
    const view = this.heat.viewAt(instant);
    const column = view.columnAt(instant);
    const row = view.strikeAt(this.heat.priceAt(place.y));
    const last = view.array("last")[column] ?? NaN;
    const line = (name: string, value: string, cell: string) => h("div", {}, h("span", { class: "dim" }, name), h("span", { class: "num", "data-tip": cell }, value));
    fill(this.tip,
      line("New York", Number.isNaN(last) ? newYork(instant) : newYork(last), "time"),
      line("UTC", utc(Number.isNaN(last) ? instant : last), "utc"),
      line("Strike", fixed(view.strikes[row]), "strike"),
      line(this.value === "gex_vol" ? "GEX vol" : "GEX OI", Number.isNaN(last) ? "no data" : fixed(view.cell(row, column)), "value"),
      line("Spot", fixed(view.array("spot")[column]), "spot"));
    this.tip.dataset.instant = String(last);
    const { left, width } = this.heat.plot;
    this.tip.classList.toggle("is-left", place.x > left + width * 0.6);
    this.tip.style.setProperty("--x", `${place.x}px`);
    this.tip.style.setProperty("--y", `${Math.min(place.y, this.heatBox.clientHeight - 110)}px`);
  }

  // ---- keyboard ----------------------------------------------------------------------------------------------------

  key(event: KeyboardEvent): boolean {
    if (!this.views.size) return false;
    const run = this.action(event);
    run?.();
    return run !== null;
  }

  private action(event: KeyboardEvent): (() => void) | null {
    const onSlider = event.target === this.slider;
    switch (event.key) {
      case " ": return () => this.togglePlay();
      case "ArrowLeft": return () => this.step(event.shiftKey ? -60 : -1);
      case "ArrowRight": return () => this.step(event.shiftKey ? 60 : 1);
      case "ArrowUp": return onSlider ? () => this.step(60) : () => this.moveStrike(1);
      case "ArrowDown": return onSlider ? () => this.step(-60) : () => this.moveStrike(-1);
      case "PageUp": return () => this.step(600);
      case "PageDown": return () => this.step(-600);
      case "Home": return () => this.seek(this.view.head.first);
      case "End": return () => this.seek(this.view.head.last);
      case ",": return () => this.toMove(-1);
      case ".": return () => this.toMove(1);
      case "+": case "=": return () => this.zoomTime(0.6);
      case "-": return () => this.zoomTime(1 / 0.6);
      case "e": return () => this.zoomPrice(0.7);
      case "q": return () => this.zoomPrice(1 / 0.7);
      case "a": return () => this.panBy(-0.2, 0);
      case "d": return () => this.panBy(0.2, 0);
      case "w": return () => this.panBy(0, 0.15);
      case "s": return () => this.panBy(0, -0.15);
      case "0": return () => this.resetWindow();
      case "Escape": return this.strike === null ? null : () => { this.strike = null; this.chosenStrike(); };
      case "v": return () => this.chooseValue(this.value === "gex_vol" ? "gex_oi" : "gex_vol");
      case "b": return () => this.neighbour(-1);
      case "n": return () => this.neighbour(1);
      case "p": return () => this.savePicture();
      case "c": return () => this.saveCells();
      case "l": return () => this.saveLadder();
      case "1": case "2": case "3": case "4": case "5":
        return () => { this.speed = SPEEDS[Number(event.key) - 1]!; this.speedSelect.value = String(this.speed); };
      default: return null;
    }
  }

  private moveStrike(direction: 1 | -1): void {
    const { strikes } = this.view;
    const from = this.view.strikeAt(this.strike ?? this.shown?.spot ?? strikes[0]!);
    const place = this.strike === null ? from : Math.min(strikes.length - 1, Math.max(0, from + direction));
    this.strike = strikes[place] ?? null;
    const whole = this.whole().price;
    const price = follow(this.window.price, whole, this.strike ?? whole.low);
    if (!same(price, this.window.price)) this.setWindow({ ...this.window, price });
    this.chosenStrike();
  }

  // ---- files -------------------------------------------------------------------------------------------------------

  private name(suffix: string): string {
    const { symbol, package: kind, category } = this.feed!;
    return `${this.date}_${symbol}_${kind}_${category}_${suffix}`;
  }

  private savePicture(): void {
    if (!this.views.size) return;
    const { head } = this.view;
    picture({
      title: `${head.symbol}  ${head.package} ${head.category}  ${longDate(head.session_date)}`,
      subtitle: `${newYork(this.instant)} New York  ${utc(this.instant)} UTC   ${this.value === "gex_vol" ? "GEX by volume" : "GEX by open interest"}   spot ${level(this.shown?.spot)}   zero gamma ${level(this.shown?.zero_gamma)}`,
      synthetic: head.synthetic,
      bound: this.bounds.get(this.value) ?? 1,
      inks: inks(theme()),
      rows: [[this.heat.canvases, this.profile.canvases], [this.sums.canvases, []]],
    }, (blob) => download(this.name(`${newYork(this.instant).replaceAll(":", "")}.png`), blob));
  }

  /** The cells in view, as exact as the API gave them. */
  private saveCells(): void {
    if (!this.views.size) return;
    const view = this.heat.viewAt((this.window.time.low + this.window.time.high) / 2);
    const lines = [`new_york,utc,strike,${this.value},spot,synthetic`];
    const times = view.array("last");
    const spots = view.array("spot");
    const edge = view.head.column_seconds;
    for (let column = 0; column < view.columns; column += 1) {
      const time = times[column]!;
      if (Number.isNaN(time) || time < this.window.time.low - edge || time > this.window.time.high) continue;
      const stamp = `${newYorkMoment(time)},${new Date(time * 1000).toISOString().replace(".000Z", "Z")}`;
      for (let row = 0; row < view.strikes.length; row += 1) {
        const cell = view.cell(row, column);
        const strike = view.strikes[row]!;
        if (cell === cell && strike >= this.window.price.low && strike <= this.window.price.high) lines.push(`${stamp},${strike},${cell},${spots[column]},${view.head.synthetic}`);
      }
    }
    download(this.name(`${this.value}.csv`), new Blob([lines.join("\n"), "\n"], { type: "text/csv" }));
  }

  private saveLadder(): void {
    const snapshot = this.shown;
    if (!snapshot) return;
    const lines = ["new_york,utc,strike,gex_vol,gex_oi,prior_1,prior_2,prior_3,prior_4,prior_5,synthetic"];
    const stamp = `${newYorkMoment(snapshot.timestamp)},${new Date(snapshot.timestamp * 1000).toISOString().replace(".000Z", "Z")}`;
    for (const [strike, vol, oi, priors] of snapshot.strikes) {
      const earlier = [0, 1, 2, 3, 4].map((place) => priors?.[place] ?? "");
      lines.push([stamp, strike, vol ?? "", oi ?? "", ...earlier, this.view.head.synthetic].join(","));
    }
    download(this.name(`${newYork(snapshot.timestamp).replaceAll(":", "")}_ladder.csv`), new Blob([lines.join("\n"), "\n"], { type: "text/csv" }));
  }

  // ---- end ---------------------------------------------------------------------------------------------------------

  /** What fails while a picture is shown leaves it there; the frame says that the server is lost. */
  private failed(error: unknown): void {
    if ((error as Error).name === "AbortError" || (error instanceof Failure && error.kind === "lost")) return;
    if (error instanceof Failure && (error.kind === "unauthorised" || error.kind === "forbidden")) this.shell.fail(error);
    else this.shell.say((error as Error).message);
  }

  themed(): void {
    this.redraw();
  }

  destroy(): void {
    this.pause();
    this.opening += 1;
    this.abort.abort();
    this.snapshots?.close();
    for (const timer of Object.values(this.timers)) clearTimeout(timer);
  }
}
