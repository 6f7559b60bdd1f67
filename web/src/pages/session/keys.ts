/** The keys of the session page, as actions. A new one also belongs into ../../help and docs/dashboard.md. Pure. */

import type { Actions } from "./actions";
import { SPEEDS } from "./state";

export interface Pressed {
  key: string;
  shiftKey: boolean;
  /** The slider has the focus: up and down move in time there. */
  onSlider: boolean;
  /** A strike is chosen, which Escape gives up. */
  hasStrike: boolean;
}

/** What a key does; null for one that does nothing here. */
export function keyAction({ key: typed, shiftKey, onSlider, hasStrike }: Pressed, actions: Actions): (() => void) | null {
  const key = typed.length === 1 ? typed.toLowerCase() : typed; // Caps Lock is no reason to do nothing
  switch (key) {
    case " ": return () => actions.togglePlay();
    case "ArrowLeft": return () => actions.step(shiftKey ? -60 : -1);
    case "ArrowRight": return () => actions.step(shiftKey ? 60 : 1);
    case "ArrowUp": return onSlider ? () => actions.step(60) : () => actions.moveStrike(1);
    case "ArrowDown": return onSlider ? () => actions.step(-60) : () => actions.moveStrike(-1);
    case "PageUp": return () => actions.step(600);
    case "PageDown": return () => actions.step(-600);
    case "Home": return () => actions.toEnd(-1);
    case "End": return () => actions.toEnd(1);
    case ",": return () => actions.toMove(-1);
    case ".": return () => actions.toMove(1);
    case "+": case "=": return () => actions.zoomTime(0.6);
    case "-": return () => actions.zoomTime(1 / 0.6);
    case "e": return () => actions.zoomPrice(0.7);
    case "q": return () => actions.zoomPrice(1 / 0.7);
    case "a": return () => actions.panBy(-0.2, 0);
    case "d": return () => actions.panBy(0.2, 0);
    case "w": return () => actions.panBy(0, 0.15);
    case "s": return () => actions.panBy(0, -0.15);
    case "m": return () => actions.showSpan(shiftKey ? 3600 : 1800);
    case "Backspace": case "z": return () => actions.undoWindow();
    case "x": return () => actions.nextAxis();
    case "0": return () => actions.resetWindow();
    case "Escape": return hasStrike ? () => actions.chooseStrike(null) : null;
    case "f": return () => actions.toggleFollow();
    case "h": return () => actions.toggleLater();
    case "g": return () => actions.nextChange();
    case "v": return () => actions.otherValue();
    case "b": return () => actions.neighbour(-1);
    case "n": return () => actions.neighbour(1);
    case "j": return () => actions.openNote(null);
    case "p": return () => actions.save("picture");
    case "c": return () => actions.save("cells");
    case "l": return () => actions.save("ladder");
    case "1": case "2": case "3": case "4": case "5": return () => actions.setSpeed(SPEEDS[Number(key) - 1]!);
    default: return null;
  }
}
