/** Wheel, drag, pinch and click over the pictures, as actions. */

import type { Plot } from "../../charts/canvas";
import type { Lanes } from "../../charts/lanes";
import type { Profile } from "../../charts/profile";
import { h } from "../../dom";
import type { Window } from "../../window";
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

/** What dragging from a place does: it moves the picture, scales an axis, or draws a box that is then in view. */
export type Grip = "pan" | "price" | "time" | "box";

export function gripAt({ plot, priceAt }: Pick<Plane, "plot" | "priceAt">, { x, y }: Place, shiftKey: boolean): Grip {
  if (priceAt && x < plot.left) return "price";
  if (y > plot.top + plot.height) return "time";
  return shiftKey && priceAt ? "box" : "pan";
}

/** How much closer an axis is dragged. */
export function dragFactor(pixels: number): number {
  return Math.exp(pixels * 0.006);
}

/** One finger or the mouse drags and clicks, two zoom. */
function listenToFingers(plane: Plane, state: Readonly<SessionState>, actions: Actions): void {
  const { box } = plane;
  const touches = new Map<number, Place>();
  const band = h("div", { class: "band", hidden: true });
  box.append(band);
  let moved = 0;
  let grip: Grip = "pan";
  let start: Place = { x: 0, y: 0 };
  box.addEventListener("pointerdown", (event) => {
    if (!overview(state) || event.button > 0) return;
    start = placeIn(box, event);
    grip = gripAt(plane, start, event.shiftKey);
    touches.set(event.pointerId, start);
    box.setPointerCapture(event.pointerId);
    moved = 0;
  });
  box.addEventListener("pointermove", (event) => {
    if (!overview(state)) return;
    const place = placeIn(box, event);
    const before = touches.get(event.pointerId);
    if (!before) {
      box.dataset.grip = gripAt(plane, place, event.shiftKey);
      return;
    }
    moved += distance(place, before);
    const other = [...touches].find(([id]) => id !== event.pointerId)?.[1];
    touches.set(event.pointerId, place);
    if (other) return actions.zoomTime(pinchFactor(place, before, other), plane.instantAt((place.x + other.x) / 2));
    if (moved <= DRAG_PIXELS) return;
    box.classList.add("is-dragged");
    if (grip === "box") showBand(band, start, place);
    else drag(plane, grip, place, before, state, actions);
  });
  const release = (event: PointerEvent) => {
    const place = touches.get(event.pointerId);
    touches.delete(event.pointerId);
    box.classList.remove("is-dragged");
    band.hidden = true;
    if (!place || event.type !== "pointerup") return;
    if (moved > DRAG_PIXELS) return grip === "box" ? actions.showBox(boxOf(plane, start, place)) : undefined;
    if (!plane.isInside(place.x, place.y)) return;
    if (plane.priceAt) return actions.pick(plane.instantAt(place.x), plane.priceAt(place.y));
    actions.pause();
    actions.seek(plane.instantAt(place.x));
  };
  box.addEventListener("pointerup", release);
  box.addEventListener("pointercancel", release);
}

function drag({ plot, priceAt }: Plane, grip: Grip, place: Place, before: Place, { window }: Readonly<SessionState>, actions: Actions): void {
  const [x, y] = [place.x - before.x, place.y - before.y];
  if (grip === "price") return actions.zoomPrice(dragFactor(y), (window.price.low + window.price.high) / 2);
  if (grip === "time") return actions.zoomTime(dragFactor(-x), (window.time.low + window.time.high) / 2);
  actions.panBy(-x / plot.width, priceAt ? y / plot.height : 0);
}

function showBand(band: HTMLElement, start: Place, end: Place): void {
  band.hidden = false;
  const sizes = { left: Math.min(start.x, end.x), top: Math.min(start.y, end.y), width: Math.abs(end.x - start.x), height: Math.abs(end.y - start.y) };
  for (const [name, size] of Object.entries(sizes)) band.style.setProperty(name, `${size}px`);
}

/** What lies between two corners, as far as it is within the picture. */
function boxOf(plane: Plane, one: Place, other: Place): Window {
  const { plot } = plane;
  const inside = (value: number, low: number, size: number) => Math.min(Math.max(value, low), low + size);
  const xs = [one.x, other.x].map((x) => inside(x, plot.left, plot.width)).sort((a, b) => a - b);
  const ys = [one.y, other.y].map((y) => inside(y, plot.top, plot.height)).sort((a, b) => a - b);
  return { time: { low: plane.instantAt(xs[0]!), high: plane.instantAt(xs[1]!) }, price: { low: plane.priceAt!(ys[1]!), high: plane.priceAt!(ys[0]!) } };
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
