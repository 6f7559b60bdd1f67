/** The frame: navigation, the state of the connection, failures, keys that work everywhere. */

import "./style.css";
import { api, Failure, follow, onConnection, type Feed, type FeedStatus, type LakeStatus } from "./api";
import { fill, h, setText } from "./dom";
import { helpDialog } from "./help";
import { Navigation } from "./navigation";
import { ofFailure } from "./notices";
import { CoveragePage } from "./pages/coverage";
import { ImportsPage } from "./pages/imports";
import { SessionPage } from "./pages/session/page";
import { StatusPage } from "./pages/status";
import type { Page, Shell } from "./page";
import type { PageName, State } from "./state";
import { onTheme, theme, toggleTheme } from "./theme";

const NAMES: Record<PageName, string> = { session: "Session", coverage: "Coverage", imports: "Imports", status: "Status" };
const RETRY_MS = 2000;

interface News {
  ticker: string;
  package: string;
  category: string;
  session_date: string;
}

/** What was used with the mouse gives the keys back: a list would go on changing, a button take Space for itself. */
function giveFocusBack(): void {
  let isByPointer = false;
  window.addEventListener("pointerdown", () => { isByPointer = true; }, true);
  window.addEventListener("keydown", () => { isByPointer = false; }, true);
  window.addEventListener("click", ({ target, detail }) => { if (detail > 0) (target as Element).closest<HTMLElement>(".session :is(button, summary, input[type=checkbox])")?.blur(); });
  window.addEventListener("change", ({ target }) => { if (isByPointer && target instanceof HTMLSelectElement) target.blur(); });
}

class Frame implements Shell {
  private readonly main = h("main", { id: "main", tabindex: "-1" });
  private readonly banner = h("div", { class: "banner", role: "alert", hidden: true });
  private readonly toast = h("div", { class: "toast", role: "status", hidden: true });
  private readonly synthetic = h("span", { class: "synthetic", hidden: true, title: "Made by gexlake's generator: not real history" }, "Synthetic");
  private readonly themeButton = h("button", { class: "icon", onclick: () => toggleTheme() });
  private readonly help = helpDialog();
  private readonly links = new Map<PageName, HTMLAnchorElement>();
  private page: Page | null = null;
  private pageName: PageName | null = null;
  private readonly navigation = new Navigation(location, history);
  private state = this.navigation.read();
  private last: Partial<State> = {};
  private toastTimer: ReturnType<typeof setTimeout> | undefined;
  private lost = false;
  private events = new AbortController();
  private readonly told = new Set<string>();

  constructor(root: HTMLElement) {
    const nav = h("nav", { "aria-label": "Pages" });
    for (const [name, text] of Object.entries(NAMES) as [PageName, string][]) {
      const link = h("a", { href: `#/${name}` }, text);
      this.links.set(name, link);
      nav.append(link);
    }
    fill(root,
      h("a", { class: "skip", href: "#main", onclick: (event: Event) => { event.preventDefault(); this.main.focus(); } }, "To the content"),
      h("header", {}, h("div", { class: "brand" }, h("img", { src: "/favicon.svg", alt: "", width: 18, height: 18 }), "gexlake"), nav, this.synthetic, h("span", { class: "spring" }),
        h("a", { class: "quiet", href: "/docs" }, "API"), this.themeButton,
        h("button", { class: "icon", "aria-label": "Keys and help", title: "Keys and help (?)", onclick: () => this.help.showModal() }, "?")),
      this.banner, this.main, this.toast, this.help);
    onConnection((failure) => this.connection(failure));
    onTheme(() => this.themed());
    this.themed();
    window.addEventListener("hashchange", () => this.route());
    window.addEventListener("keydown", (event) => this.key(event));
    giveFocusBack();
    this.route();
    void this.listen();
  }

  // ---- navigation --------------------------------------------------------------------------------------------------

  private route(): void {
    this.state = this.navigation.read();
    const { page: name } = this.state;
    if (name === "session" && !this.state.feed && this.last.feed) return this.go({ ...this.last, page: "session" });
    for (const [one, link] of this.links) {
      if (one === name) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
    if (this.page && name === this.pageName && this.page.update(this.state)) return;
    this.build();
  }

  private build(): void {
    this.page?.destroy();
    const { page: name } = this.state;
    document.title = `${NAMES[name]} · gexlake`;
    this.pageName = name;
    this.synthetic.hidden = true;
    const pages = { session: SessionPage, coverage: CoveragePage, imports: ImportsPage, status: StatusPage };
    // The page measures itself while it is built, so it has to know that it will be shown.
    this.page = new pages[name](this, this.state);
    fill(this.main, h("h1", { class: "sr" }, NAMES[name]), this.page.element);
    this.main.dataset.page = name;
  }

  go(state: Partial<State> & { page: PageName }): void {
    if (!this.navigation.go(state)) this.route();
  }

  replace(state: Partial<State>): void {
    if (!this.pageName) return;
    if (this.pageName === "session") this.last = { feed: state.feed ?? null, date: state.date ?? null, at: state.at ?? null, value: state.value ?? "", series: state.series ?? null, hidden: state.hidden ?? [], later: state.later ?? "", scale: state.scale ?? "day", follow: state.follow ?? false, change: state.change ?? 0, companion: state.companion ?? null, compare: state.compare ?? "minus", extras: state.extras ?? [], axis: state.axis ?? "price" };
    this.navigation.replace({ ...state, page: this.pageName });
  }

  // ---- what pages ask for ------------------------------------------------------------------------------------------

  async feeds(): Promise<FeedStatus[]> {
    return (await api.feeds()).feeds;
  }

  status(): Promise<LakeStatus> {
    return api.status();
  }

  markSynthetic(synthetic: boolean): void {
    this.synthetic.hidden = !synthetic;
  }

  say(text: string): void {
    setText(this.toast, text);
    this.toast.hidden = false;
    clearTimeout(this.toastTimer);
    this.toastTimer = setTimeout(() => { this.toast.hidden = true; }, 6000);
  }

  fail(error: unknown): void {
    const failure = error instanceof Failure ? error : new Failure("fault", error instanceof Error ? error.message : String(error));
    this.page?.destroy();
    this.page = null;
    this.markSynthetic(false);
    this.main.removeAttribute("aria-busy");
    fill(this.main, h("h1", { class: "sr" }, NAMES[this.state.page]), ofFailure(failure, () => { this.build(); void this.listen(); }));
    if (failure.kind === "lost") this.connection(failure);
  }

  // ---- the connection ----------------------------------------------------------------------------------------------

  private connection(failure: Failure | null): void {
    if ((failure !== null) === this.lost) return;
    this.lost = failure !== null;
    this.banner.hidden = !this.lost;
    if (this.lost) {
      setText(this.banner, "The server does not answer. What is shown stays; trying again…");
      setTimeout(() => void this.probe(), RETRY_MS);
      return;
    }
    this.say("The server answers again.");
    if (!this.page) this.build();
    else this.page.reconnected?.();
    void this.listen();
  }

  private async probe(): Promise<void> {
    try {
      await api.health();
    } catch {
      if (this.lost) setTimeout(() => void this.probe(), RETRY_MS);
    }
  }

  /** News of sessions, for as long as the page is open. */
  private async listen(): Promise<void> {
    this.events.abort();
    const { signal } = (this.events = new AbortController());
    try {
      await follow("/events", (name, data) => (name === "session" || name === "live") && this.committed(data as News), signal);
    } catch (error) {
      // What may not be followed is no reason to show anything else; what was cut off is followed again.
      if (signal.aborted || (error instanceof Failure && error.kind !== "lost")) return;
    }
    if (signal.aborted) return;
    await api.health().catch(() => {}); // says that the server is lost, if it is
    if (this.lost) return;
    setTimeout(() => {
      if (signal.aborted || this.lost) return;
      void this.listen();
      this.page?.reconnected?.();
    }, RETRY_MS);
  }

  private committed(news: News): void {
    const feed: Feed = { symbol: news.ticker, package: news.package, category: news.category };
    const name = `${feed.symbol} ${feed.package} ${feed.category}, ${news.session_date}`;
    const isSaid = this.page?.committed?.(feed, news.session_date);
    // A session that grows is committed every second: once is enough.
    if (!isSaid && !this.told.has(name)) this.say(`New in the lake: ${name}`);
    this.told.add(name);
  }

  // ---- keys and looks ----------------------------------------------------------------------------------------------

  private key(event: KeyboardEvent): void {
    const target = event.target as HTMLElement;
    if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
    const isText = target.matches("input:not([type=range]):not([type=checkbox]), textarea");
    // Elements keep the keys that are theirs: a list its arrows, a button Space and Enter.
    const isPress = event.key === " " || event.key === "Enter";
    if (isText || (target.matches("select") && (isPress || event.key.length > 1)) || (target.matches("button, a, summary") && isPress)) return;
    if (event.key === "?") this.help.showModal();
    else if (event.key.toLowerCase() === "t") toggleTheme();
    else if (!this.page?.key?.(event)) return;
    event.preventDefault();
  }

  private themed(): void {
    const other = theme() === "dark" ? "light" : "dark";
    setText(this.themeButton, theme() === "dark" ? "☀" : "☾");
    this.themeButton.setAttribute("aria-label", `Switch to the ${other} theme`);
    this.themeButton.title = `${other[0]!.toUpperCase()}${other.slice(1)} theme (T)`;
    this.page?.themed?.();
  }
}

new Frame(document.querySelector<HTMLElement>("#app")!);
