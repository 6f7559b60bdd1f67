/** Controls behind a button. */

import { h } from "../../dom";

/** It closes by itself when something else is pressed. */
export function menu(summary: HTMLElement, ...children: (HTMLElement | null)[]): HTMLDetailsElement {
  const element = h("details", { class: "menu" }, summary, h("div", { class: "menu-body" }, ...children));
  const closeUnlessInside = ({ target }: Event) => { if (!(target instanceof Node && element.contains(target))) element.open = false; };
  element.addEventListener("toggle", () => (element.open ? window.addEventListener("pointerdown", closeUnlessInside) : window.removeEventListener("pointerdown", closeUnlessInside)));
  element.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !element.open) return;
    event.stopPropagation();
    element.open = false;
    element.querySelector("summary")!.focus();
  });
  return element;
}
