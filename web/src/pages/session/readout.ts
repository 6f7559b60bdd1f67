/** The readout: the numbers at the chosen second, beside the pictures. A new number is a text in `readoutTexts` and a
 * cell in `Readout`. */

import type { Snapshot } from "../../api";
import { fill, h, setText } from "../../dom";
import { fixed, level, NOTHING, signed } from "../../format";
import { newYork } from "../../time";
import type { SessionState } from "./state";

const PRIOR_NAMES = ["now", "1 min", "5 min", "10 min", "15 min", "30 min"];
const OLD_SECONDS = 5;

const CELLS = [
  "spot", "asof", "zero_gamma", "distance", "major_pos_vol", "major_pos_oi", "major_neg_vol", "major_neg_oi", "sum_gex_vol", "sum_gex_oi",
  "delta_risk_reversal", "dte", "strike", "strike_vol", "strike_oi", "strike_priors",
] as const;
export type CellName = (typeof CELLS)[number];

/** How old the shown snapshot is at the chosen second. */
export function ageOf({ shown, instant }: Pick<SessionState, "shown" | "instant">): number {
  return shown ? instant - shown.timestamp : 0;
}

/** Every cell's text. */
export function readoutTexts(state: Pick<SessionState, "shown" | "instant" | "strike" | "feed">): Record<CellName, string> {
  const { shown, strike } = state;
  const isState = state.feed?.package === "state"; // a state feed has no open interest
  const row = shown?.strikes.find(([one]) => one === strike);
  return {
    spot: fixed(shown?.spot),
    asof: asOf(shown, ageOf(state)),
    zero_gamma: level(shown?.zero_gamma),
    distance: shown?.spot && shown.zero_gamma ? signed(shown.spot - shown.zero_gamma) : NOTHING,
    major_pos_vol: level(shown?.major_pos_vol),
    major_pos_oi: level(shown?.major_pos_oi),
    major_neg_vol: level(shown?.major_neg_vol),
    major_neg_oi: level(shown?.major_neg_oi),
    sum_gex_vol: fixed(shown?.sum_gex_vol, 0),
    sum_gex_oi: isState ? NOTHING : fixed(shown?.sum_gex_oi, 0),
    delta_risk_reversal: shown?.delta_risk_reversal ? fixed(shown.delta_risk_reversal, 3) : NOTHING,
    dte: shown ? `${shown.min_dte ?? NOTHING} / ${shown.sec_min_dte ?? NOTHING}` : NOTHING,
    strike: strike === null ? "none chosen" : fixed(strike),
    strike_vol: fixed(row?.[1]),
    strike_oi: isState ? NOTHING : fixed(row?.[2]),
    strike_priors: row?.[3]?.length ? row[3].map((value) => fixed(value)).join("  ") : NOTHING,
  };
}

function asOf(shown: Snapshot | null, age: number): string {
  if (!shown) return "no snapshot yet";
  const at = newYork(shown.timestamp);
  return age ? `as of ${at}, ${fixed(age, 0)} s before` : `as of ${at} New York`;
}

/** The rows of the largest changes: strike and change, now and up to half an hour earlier. */
export function priorTexts(shown: Snapshot | null): [strike: string, change: string][] {
  return PRIOR_NAMES.map((_, place) => {
    const found = shown?.max_priors?.[place];
    return found ? [fixed(found[0]), signed(found[1])] : [NOTHING, NOTHING];
  });
}

export class Readout {
  readonly element = h("aside", { class: "readout", "aria-label": "Values at the chosen second" });
  private readonly cells = Object.fromEntries(CELLS.map((name) => [name, h("span", { class: "num", "data-cell": name }, NOTHING)])) as Record<CellName, HTMLElement>;
  private readonly priors = PRIOR_NAMES.map(() => [h("td", { class: "num" }, NOTHING), h("td", { class: "num" }, NOTHING)] as const);

  constructor(private readonly state: Readonly<SessionState>) {
    const { cells } = this;
    const row = (label: string, name: CellName, mark = "") => h("tr", {}, h("th", { scope: "row" }, mark ? h("span", { class: `line line-${mark}` }) : null, label), h("td", { colspan: 2 }, cells[name]));
    const pair = (label: string, vol: CellName, oi: CellName) =>
      h("tr", {}, h("th", { scope: "row" }, label), h("td", {}, cells[vol]), h("td", {}, cells[oi]));
    fill(this.element,
      h("div", { class: "big" }, cells.spot, h("small", {}, "spot")),
      h("p", { class: "asof dim" }, cells.asof),
      h("table", {}, h("tbody", {}, row("Zero gamma", "zero_gamma", "zero"), row("Spot to zero", "distance"))),
      h("table", {}, h("thead", {}, h("tr", {}, h("th", {}), h("th", { scope: "col" }, "Volume"), h("th", { scope: "col" }, "Open int."))),
        h("tbody", {},
          pair("Major +", "major_pos_vol", "major_pos_oi"),
          pair("Major −", "major_neg_vol", "major_neg_oi"),
          pair("Sum", "sum_gex_vol", "sum_gex_oi"))),
      h("table", {}, h("tbody", {}, row("Delta RR", "delta_risk_reversal"), row("Days to expiry", "dte"))),
      h("table", { class: "strike" }, h("caption", {}, "Strike ", cells.strike),
        h("tbody", {}, pair("GEX", "strike_vol", "strike_oi"), row("Earlier", "strike_priors"))),
      h("table", {}, h("caption", {}, "Largest change"),
        h("tbody", {}, ...this.priors.map(([strike, change], place) => h("tr", {}, h("th", { scope: "row" }, PRIOR_NAMES[place]!), strike, change)))));
  }

  show(): void {
    const texts = readoutTexts(this.state);
    for (const name of CELLS) setText(this.cells[name], texts[name]);
    this.cells.asof.classList.toggle("warn", ageOf(this.state) > OLD_SECONDS);
    const priors = priorTexts(this.state.shown);
    this.priors.forEach(([strike, change], place) => {
      setText(strike, priors[place]![0]);
      setText(change, priors[place]![1]);
    });
  }
}
