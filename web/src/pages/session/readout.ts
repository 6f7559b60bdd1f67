/** The readout: the numbers at the chosen second, beside the pictures. Which, and in what order, is the record type's:
 * a new number is a text in `readoutTexts` and a cell in ../../record_types. */

import type { Snapshot } from "../../api";
import { fill, h, setText } from "../../dom";
import { fixed, level, NOTHING, signed } from "../../format";
import { numberIn, priorsIn, rowsOf, strikeOf, valueIn } from "../../ladder";
import { typeOfFeed, type RecordType, type Section } from "../../record_types";
import { newYork } from "../../time";
import type { Actions } from "./actions";
import { SeriesChooser } from "./series";
import { typeOf, type Absence, type SessionState } from "./state";

const PRIOR_NAMES = ["now", "1 min", "5 min", "10 min", "15 min", "30 min"];
const OLD_SECONDS = 5;

/** How old the shown snapshot is at the chosen second. */
export function ageOf({ shown, instant }: Pick<SessionState, "shown" | "instant">): number {
  return shown ? instant - shown.timestamp : 0;
}

type Shown = Pick<SessionState, "shown" | "instant" | "strike" | "feed" | "absence">;

const ABSENCES: Record<Absence, string> = {
  loading: "loading…",
  none: "no snapshot yet",
  lost: "not loaded: the server does not answer",
  failed: "not loaded",
};

/** Every cell's text. */
export function readoutTexts(state: Shown): Record<string, string> {
  const { shown } = state;
  const type = typeOfFeed(state.feed);
  return {
    spot: fixed(shown?.spot),
    asof: asOf(state, ageOf(state)),
    ...(type.ladder ? { dte: shown ? `${numberIn(shown, "min_dte") ?? NOTHING} / ${numberIn(shown, "sec_min_dte") ?? NOTHING}` : NOTHING } : {}),
    ...levelTexts(type, shown),
    ...sumTexts(type, state),
    ...derivedTexts(type, shown),
    ...(type.ladder ? strikeTexts(type, state) : {}),
    ...seriesTexts(type, shown),
  };
}

function levelTexts({ levels }: RecordType, shown: Snapshot | null): Record<string, string> {
  return Object.fromEntries(levels.filter(({ id }) => id !== "spot").map(({ series }) => [series, level(numberIn(shown, series))]));
}

/** A sum of what the feed does not report is none. */
function sumTexts({ sums, values }: RecordType, { shown, feed }: Shown): Record<string, string> {
  const absent = values.filter(({ absentIn }) => absentIn && absentIn === feed?.package).map(({ name }) => `sum_${name}`);
  return Object.fromEntries(sums.flatMap(({ series }) => series.map(({ name }) => [name, absent.includes(name) ? NOTHING : fixed(numberIn(shown, name), 0)])));
}

/** What is no field as it stands, as far as the type's readout has a cell for it. */
function derivedTexts({ readout }: RecordType, shown: Snapshot | null): Record<string, string> {
  const [zero, reversal] = [numberIn(shown, "zero_gamma"), numberIn(shown, "delta_risk_reversal")];
  const texts = {
    distance: shown?.spot && zero ? signed(shown.spot - zero) : NOTHING,
    delta_risk_reversal: reversal ? fixed(reversal, 3) : NOTHING,
  };
  const cells = readout.flatMap(({ rows }) => rows.flatMap((row) => row.cells));
  return Object.fromEntries(Object.entries(texts).filter(([name]) => cells.includes(name)));
}

function strikeTexts(type: RecordType, { shown, strike, feed }: Shown): Record<string, string> {
  const row = rowsOf(type, shown).find((one) => strikeOf(one) === strike);
  const priors = priorsIn(type, row);
  const values = type.values.map((value) => [value.cell, value.absentIn && value.absentIn === feed?.package ? NOTHING : fixed(valueIn(row, value), value.digits)]);
  return {
    strike: strike === null ? "none chosen" : fixed(strike),
    ...Object.fromEntries(values),
    strike_priors: priors.length ? priors.map((value) => fixed(value)).join("  ") : NOTHING,
  };
}

function seriesTexts({ groups }: RecordType, shown: Snapshot | null): Record<string, string> {
  const texts: Record<string, string> = {};
  for (const { price, measures } of groups) {
    for (const { names, digits } of measures) {
      for (const name of names) texts[name] = price ? level(numberIn(shown, name)) : fixed(numberIn(shown, name), digits);
    }
  }
  return texts;
}

function asOf({ shown, absence }: Shown, age: number): string {
  if (!shown) return ABSENCES[absence];
  const at = newYork(shown.timestamp);
  return age ? `as of ${at}, ${fixed(age, 0)} s before` : `as of ${at} New York`;
}

/** The rows of the largest changes: strike and change, now and up to half an hour earlier. */
export function priorTexts(shown: Snapshot | null): [strike: string, change: string][] {
  const changes = shown?.max_priors as [number, number][] | null | undefined;
  return PRIOR_NAMES.map((_, place) => {
    const found = changes?.[place];
    return found ? [fixed(found[0]), signed(found[1])] : [NOTHING, NOTHING];
  });
}

export class Readout {
  readonly element = h("aside", { class: "readout", "aria-label": "Values at the chosen second", tabindex: "0" });
  private type: RecordType | null = null;
  private cells: Record<string, HTMLElement> = {};
  private priors: (readonly [HTMLElement, HTMLElement])[] = [];
  private chooser: SeriesChooser | null = null;

  constructor(
    private readonly state: Readonly<SessionState>,
    private readonly actions: Actions,
  ) {
    this.build(typeOf(state));
  }

  private cell(name: string): HTMLElement {
    return (this.cells[name] ??= h("span", { class: "num", "data-cell": name }, NOTHING));
  }

  private build(type: RecordType): void {
    this.type = type;
    this.cells = {};
    this.priors = [];
    this.chooser = type.groups.length ? new SeriesChooser(type, this.actions, (name) => this.cell(name === "spot" ? "spot_value" : name)) : null;
    fill(this.element,
      h("div", { class: "big" }, this.cell("spot"), h("small", {}, "spot")),
      h("p", { class: "asof dim" }, this.cell("asof")),
      ...type.readout.map((section) => this.section(section)),
      this.chooser?.element);
  }

  private section({ caption, captionCell, heads, rows, changes }: Section): HTMLElement {
    const row = ({ label, cells, mark }: Section["rows"][number]) => h("tr", {},
      h("th", { scope: "row" }, mark ? h("span", { class: `line line-${mark}` }) : null, label),
      ...cells.map((name) => h("td", cells.length > 1 ? {} : { colspan: 2 }, this.cell(name))));
    if (changes) this.priors = PRIOR_NAMES.map(() => [h("td", { class: "num" }, NOTHING), h("td", { class: "num" }, NOTHING)] as const);
    return h("table", captionCell ? { class: "strike" } : {},
      caption ? h("caption", {}, caption, captionCell ? this.cell(captionCell) : null) : null,
      heads ? h("thead", {}, h("tr", {}, h("td", {}), ...heads.map((head) => h("th", { scope: "col" }, head)))) : null,
      h("tbody", {}, ...rows.map(row), ...(changes ? this.priors.map(([strike, change], place) => h("tr", {}, h("th", { scope: "row" }, PRIOR_NAMES[place]!), strike, change)) : [])));
  }

  show(): void {
    const type = typeOf(this.state);
    if (type !== this.type) this.build(type);
    const texts = readoutTexts(this.state);
    for (const [name, cell] of Object.entries(this.cells)) setText(cell, texts[name === "spot_value" ? "spot" : name] ?? NOTHING);
    this.cells["asof"]!.classList.toggle("warn", ageOf(this.state) > OLD_SECONDS || (!this.state.shown && texts["asof"] === ABSENCES.lost));
    const priors = priorTexts(this.state.shown);
    this.priors.forEach(([strike, change], place) => {
      setText(strike, priors[place]![0]);
      setText(change, priors[place]![1]);
    });
    this.chooser?.show(this.state.series);
  }
}
