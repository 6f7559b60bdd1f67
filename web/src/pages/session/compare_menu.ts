/** What the session is compared with, and what stands beside it, behind one button. */

import { fill, h, setText } from "../../dom";
import { plural } from "../../format";
import { feedOf, sameFeed } from "../../page";
import { typeOfRow } from "../../feeds";
import { AXES, CHANGES, EXTRAS, type Axis, type Companion, type Extra } from "../../state";
import { longDate } from "../../time";
import type { Actions } from "./actions";
import { hasExpiries, isBeside, isDifference, isOfOtherTicker } from "./comparison";
import { menu } from "./menu";
import { OwnDialog } from "./own_dialog";
import { typeOf, type SessionState } from "./state";

const EXTRA_NAMES: Record<Extra, [name: string, title: string]> = {
  prior: ["Closing levels of the session before", "Faint lines over the heatmap"],
  expiry: ["Net GEX by expiry", "Through time: zero, one, and the rest (full − zero − one)"],
  strip: ["Strip of 20 sessions", "The sessions up to this one, one beside the other"],
};

const AXIS_NAMES: Record<Axis, string> = { price: "price", points: "points from spot", percent: "% from spot" };

export class CompareMenu {
  readonly element: HTMLDetailsElement;
  private readonly summary = h("summary", {}, "Compare");
  private readonly changes: HTMLButtonElement[];
  private readonly companion = h("select", { "aria-label": "Compare with", onchange: () => this.actions.chooseCompanion(JSON.parse(this.companion.value) as Companion | null) });
  private readonly forms: HTMLButtonElement[];
  private readonly other = h("p", { class: "dim", hidden: true }, "Strikes of two tickers are different things, so that none is taken from the other: side by side, each on its own prices, at the same percent from where spot began.");
  private readonly extras: Record<Extra, HTMLInputElement>;
  private readonly axes: HTMLButtonElement[];
  private readonly file = h("input", { type: "file", accept: ".csv,.txt,.tsv,text/csv,.parquet,.pq", "aria-label": "File of own bars or trades", onchange: () => this.openFile() });
  private readonly ownName = h("span", { class: "dim" });
  private readonly removeOwn = h("button", { onclick: () => this.actions.showOwn(null) }, "Remove");
  private readonly dialog = new OwnDialog((own) => this.actions.showOwn(own));
  private offered = "";

  constructor(
    private readonly state: Readonly<SessionState>,
    private readonly actions: Actions,
  ) {
    this.changes = [0, ...CHANGES].map((minutes) => h("button", { "aria-pressed": "false", "data-change": minutes, title: minutes ? `Now less ${minutes} min ago (G)` : "The value itself (G)", onclick: () => actions.chooseChange(minutes) }, minutes ? `${minutes} min` : "none"));
    this.forms = ([["minus", "This − that"], ["beside", "Side by side"]] as const).map(([form, name]) => h("button", { "aria-pressed": "false", "data-compare": form, onclick: () => actions.chooseCompare(form) }, name));
    this.axes = AXES.map((axis) => h("button", { "aria-pressed": "false", "data-axis": axis, title: `${AXIS_NAMES[axis]} (X)`, onclick: () => actions.chooseAxis(axis) }, AXIS_NAMES[axis]));
    this.extras = Object.fromEntries(EXTRAS.map((extra) => [extra, h("input", { type: "checkbox", onchange: () => actions.toggleExtra(extra) })])) as Record<Extra, HTMLInputElement>;
    const group = (name: string, ...children: (HTMLElement | null)[]) => h("fieldset", {}, h("legend", {}, name), ...children);
    this.element = menu(this.summary,
      group("Change over", h("div", { class: "segments" }, ...this.changes)),
      group("With", this.companion, h("div", { class: "segments" }, ...this.forms), this.other),
      group("Beside it", ...EXTRAS.map((extra) => h("label", { title: EXTRA_NAMES[extra][1] }, this.extras[extra], EXTRA_NAMES[extra][0]))),
      group("Own bars or trades (CSV, Parquet)", this.file, this.ownName, this.removeOwn),
      group("Prices at the axis", h("div", { class: "segments" }, ...this.axes)));
  }

  private openFile(): void {
    const file = this.file.files?.[0];
    if (file) void this.dialog.open(file);
    this.file.value = ""; // the same file can be opened again
  }

  /** The feeds of the ticker and the days of the feed to compare with. */
  showChoice(): void {
    const { feeds, feed, rows, date } = this.state;
    const same = feeds.filter((row) => row.ticker === feed?.symbol && typeOfRow(row) === typeOf(this.state) && !sameFeed(feedOf(row), feed));
    const others = feeds.filter((row) => row.ticker !== feed?.symbol && typeOfRow(row) === typeOf(this.state));
    const option = (companion: Companion | null, text: string) => h("option", { value: JSON.stringify(companion) }, text);
    const of = feed && { symbol: null, package: feed.package, category: feed.category };
    const days = rows.map((row) => row.session_date).filter((day) => day !== date).sort().reverse();
    fill(this.companion, option(null, "nothing"),
      of && rows.length ? option({ ...of, day: "previous" }, "the session before") : null,
      same.length ? h("optgroup", { label: "Same day" }, ...same.map((row) => option({ symbol: null, package: row.package, category: row.category, day: "same" }, `${row.package} ${row.category}`))) : null,
      others.length ? h("optgroup", { label: "Other tickers, same day" }, ...others.map((row) => option({ symbol: row.ticker, package: row.package, category: row.category, day: "same" }, `${row.ticker} ${row.package} ${row.category}`))) : null,
      of && days.length ? h("optgroup", { label: "Other days" }, ...days.map((day) => option({ ...of, day }, longDate(day)))) : null);
    this.offered = "";
    this.show();
  }

  show(): void {
    const { state } = this;
    const { change, companion, compare, extras } = state;
    const { ladder, sums } = typeOf(state);
    this.element.hidden = !ladder;
    for (const button of this.changes) button.setAttribute("aria-pressed", String(Number(button.dataset.change) === change));
    const isOther = isOfOtherTicker(state);
    for (const button of this.forms) {
      button.setAttribute("aria-pressed", String(button.dataset.compare === (isOther ? "beside" : compare)));
      button.disabled = !companion || isOther;
    }
    this.other.hidden = !isOther;
    this.showCompanion(companion);
    setText(this.ownName, state.own ? `${state.own.name}: ${plural(state.own.candles.length, "line")}` : "");
    this.removeOwn.hidden = !state.own;
    for (const button of this.axes) button.setAttribute("aria-pressed", String(button.dataset.axis === state.axis));
    for (const extra of EXTRAS) this.extras[extra].checked = extras.has(extra);
    this.extras.expiry.disabled = !sums.length || !hasExpiries(state);
    const on = [change ? `${change} min` : "", isDifference(state) ? "A − B" : isBeside(state) ? "A | B" : ""].filter(Boolean);
    setText(this.summary, ["Compare", ...on].join(" · "));
  }

  /** What a link names is in the list, even where the list has no such feed or day. */
  private showCompanion(companion: Companion | null): void {
    const value = JSON.stringify(companion);
    if (value === this.offered) return;
    this.offered = value;
    if (companion && ![...this.companion.options].some((option) => option.value === value)) {
      const { symbol, package: kind, category, day } = companion;
      this.companion.append(h("option", { value }, [symbol ?? "", kind, category, day === "same" ? "" : day].join(" ").trim()));
    }
    this.companion.value = value;
  }
}
