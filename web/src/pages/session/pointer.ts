/** Wheel, drag, pinch and click over the pictures, as actions. */

import type { Plot } from "../../charts/canvas";
import type { Lanes } from "../../charts/lanes";
import type { Profile } from "../../charts/profile";
import type { Actions } from "./actions";
import { overview, type SessionState } from "./state";

export interface Place {
  x: number;
  y: number;
}

/** A picture that is dragged, zoomed and clicked: over time, and over prices where it has them. */
export interface Plane {
  readonly box: HTMLElement;
  readonly plot: Plot;
  instantAt(x: number): number;
  isInside(x: number, y: number): boolean;
  priceAt?(y: number): number;
}

/** A pointer that has moved this far drags; below it, it clicks. */
const DRAG_PIXELS = 4;

/** How much closer (below 1) or farther one turn of the wheel is; a violent one is held back. */
export function wheelFactor(turn: number): number {
  return Math.exp(Math.max(-60, Math.min(60, turn)) * 0.004);
}

/** Whether a turn of the wheel goes sideways: two fingers on a pad, which move the picture. With Shift some browsers turn
 * the ordinary wheel sideways. */
export function isSideways({ deltaX, deltaY, shiftKey }: Pick<WheelEvent, "deltaX" | "deltaY" | "shiftKey">): boolean {
  return !shiftKey && Math.abs(deltaX) > Math.abs(deltaY);
}

/** How much closer two fingers make it: one has moved, the other stays. */
export function pinchFactor(now: Place, before: Place, other: Place): number {
  return (Math.abs(before.x - other.x) || 1) / (Math.abs(now.x - other.x) || 1);
}

export function distance(one: Place, other: Place): number {
  return Math.abs(one.x - other.x) + Math.abs(one.y - other.y);
}

export function placeIn(box: HTMLElement, event: MouseEvent): Place {
  const { left, top } = box.getBoundingClientRect();
  return { x: event.clientX - left, y: event.clientY - top };
}

export function listenToPlane(plane: Plane, state: Readonly<SessionState>, actions: Actions): void {
  const { box } = plane;
  box.addEventListener("wheel", (event) => {
    if (!overview(state)) return;
    event.preventDefault();
    const { x, y } = placeIn(box, event);
    if (isSideways(event)) return actions.panBy(event.deltaX / plane.plot.width, 0);
    const factor = wheelFactor(event.deltaY || event.deltaX);
    if (plane.priceAt && (event.shiftKey || event.ctrlKey || x < plane.plot.left)) actions.zoomPrice(factor, plane.priceAt(y));
    else actions.zoomTime(factor, plane.instantAt(x));
  }, { passive: false });
  box.addEventListener("dblclick", () => overview(state) && actions.resetWindow());
  listenToFingers(plane, state, actions);
}

/** One finger or the mouse drags and clicks, two zoom. */
function listenToFingers(plane: Plane, state: Readonly<SessionState>, actions: Actions): void {
  const { box } = plane;
  const touches = new Map<number, Place>();
  let moved = 0;
  box.addEventListener("pointerdown", (event) => {
    if (!overview(state) || event.button > 0) return;
    touches.set(event.pointerId, placeIn(box, event));
    box.setPointerCapture(event.pointerId);
    moved = 0;
  });
  box.addEventListener("pointermove", (event) => {
    if (!overview(state)) return;
    const place = placeIn(box, event);
    const before = touches.get(event.pointerId);
    if (before) {
      moved += distance(place, before);
      const other = [...touches].find(([id]) => id !== event.pointerId)?.[1];
      const { width, height } = plane.plot;
      if (other) {
        actions.zoomTime(pinchFactor(place, before, other), plane.instantAt((place.x + other.x) / 2));
      } else if (moved > DRAG_PIXELS) {
        actions.panBy(-(place.x - before.x) / width, plane.priceAt ? (place.y - before.y) / height : 0);
        box.classList.add("is-dragged");
      }
      touches.set(event.pointerId, place);
    }
  });
  const release = (event: PointerEvent) => {
    const place = touches.get(event.pointerId);
    touches.delete(event.pointerId);
    box.classList.remove("is-dragged");
    if (!place || moved > DRAG_PIXELS || event.type !== "pointerup" || !plane.isInside(place.x, place.y)) return;
    if (plane.priceAt) return actions.pick(plane.instantAt(place.x), plane.priceAt(place.y));
    actions.pause();
    actions.seek(plane.instantAt(place.x));
  };
  box.addEventListener("pointerup", release);
  box.addEventListener("pointercancel", release);
}

/** The second under the pointer, for as long as a button is down. */
export function listenToSums(sums: Lanes, state: Readonly<SessionState>, actions: Actions): void {
  const { box } = sums;
  const scrub = (event: PointerEvent) => {
    if (event.buttons && overview(state)) actions.seek(sums.instantAt(placeIn(box, event).x));
  };
  box.addEventListener("pointerdown", (event) => {
    box.setPointerCapture(event.pointerId);
    actions.pause();
    scrub(event);
  });
  box.addEventListener("pointermove", scrub);
}

export function listenToProfile(profile: Profile, state: Readonly<SessionState>, actions: Actions): void {
  profile.box.addEventListener("click", (event) => {
    if (overview(state)) actions.chooseStrike(profile.priceAt(placeIn(profile.box, event).y));
  });
}
