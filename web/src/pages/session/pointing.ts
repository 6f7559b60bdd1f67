/** What lies under the pointer: the place in time and price, and what is said of it. */

import type { Crosshair, Plot } from "../../charts/canvas";
import type { Heatmap } from "../../charts/heatmap";
import type { Lanes } from "../../charts/lanes";
import type { Profile } from "../../charts/profile";
import { isBeside, isDifference, nameOfCompanion, partnerOf } from "./comparison";
import { candlesOf, seenDetail, seenOverview } from "./seen";
import { detailOf, isHiding, overview, panelsOf, typeOf, type Pointed, type SessionState } from "./state";
import { differenceTip, hiddenTip, ownLine, profileTip, seriesTip, tipContent, type TipContent } from "./tip";

/** A picture that the pointer can be over. */
export interface Pointable {
  readonly plot: Plot;
  isInside(x: number, y: number): boolean;
  point(place: Crosshair): void;
  instantAt?(x: number): number;
  priceAt?(y: number): number;
}

export interface Pictured {
  readonly heat: Heatmap;
  readonly beside: Heatmap;
  readonly profile: Profile;
  readonly sums: Lanes;
  readonly expiry: Lanes;
  readonly lanes: Lanes;
}

export interface Found {
  readonly at: Crosshair;
  readonly tip: TipContent | null;
}

/** What lies at a place of a picture; null where it is beside it. */
export function found(state: Readonly<SessionState>, pictures: Pictured, { panel, x, y }: Pointed): Found | null {
  const picture: Pointable = pictures[panel];
  const isGone = panel === "beside" && !isBeside(state); // the pointer may have stayed where it was
  if (isGone || !picture.isInside(x, y)) return null;
  const at = { instant: picture.instantAt?.(x) ?? null, price: picture.priceAt?.(y) ?? null };
  return { at, tip: tipAt(state, pictures, panel, at, y) };
}

function tipAt(state: Readonly<SessionState>, pictures: Pictured, panel: Pointed["panel"], { instant, price }: Crosshair, y: number): TipContent | null {
  if (panel === "profile") return profileTip(typeOf(state), panelsOf(state), state.shown, price!);
  if (isHiding(state) && instant! > Math.max(seenOverview(state)!.end, seenDetail(state)?.end ?? 0)) return hiddenTip(instant!);
  if (panel === "heat") return heatTip(state, pictures.heat, instant!, price!);
  if (panel === "beside") {
    const { shift, ratio } = partnerOf(state)!;
    return tipContent(pictures.beside.viewAt(instant!), state.value, instant!, price!, shift, ratio);
  }
  const lanes = pictures[panel];
  const lane = lanes.laneAt(y);
  return lane && seriesTip(lanes.viewAt(instant!), lane, instant!);
}

function heatTip(state: Readonly<SessionState>, heat: Heatmap, instant: number, price: number): TipContent {
  const tip = cellTip(state, heat, instant, price);
  const candle = candlesOf(state, heat.box.clientWidth).find((one) => instant >= one.start && instant <= one.end);
  return candle ? { ...tip, lines: [...tip.lines, ownLine(candle)] } : tip;
}

function cellTip(state: Readonly<SessionState>, heat: Heatmap, instant: number, price: number): TipContent {
  const shown = heat.viewAt(instant);
  if (!isDifference(state)) return tipContent(shown, state.value, instant, price);
  const partner = partnerOf(state)!;
  const isFine = shown === seenDetail(state);
  const [one, other] = isFine ? [detailOf(state)!, partner.detail!] : [overview(state)!, partner.whole!];
  return differenceTip(shown, one, other, nameOfCompanion(partner, one), state.value, instant, price);
}
