/** Light or dark: what the system wants, until the reader chooses; light on paper. */

import type { Theme } from "./colour";

const KEY = "gexlake.theme";
const system = matchMedia("(prefers-color-scheme: light)");
const listeners = new Set<() => void>();
const printers = new Set<(isPrinting: boolean) => void>();

const printing = matchMedia("print");
let isPrinting = printing.matches;

export function theme(): Theme {
  if (isPrinting) return "light";
  const chosen = localStorage.getItem(KEY);
  if (chosen === "light" || chosen === "dark") return chosen;
  return system.matches ? "light" : "dark";
}

export function toggleTheme(): void {
  localStorage.setItem(KEY, theme() === "dark" ? "light" : "dark");
  apply();
}

export function onTheme(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Be told before the page is printed, when all is in the colours of paper, and after. */
export function onPrint(listener: (isPrinting: boolean) => void): () => void {
  printers.add(listener);
  return () => printers.delete(listener);
}

function print(isNow: boolean): void {
  if (isNow === isPrinting) return;
  isPrinting = isNow;
  apply();
  for (const listener of printers) listener(isNow);
}

function apply(): void {
  document.documentElement.dataset.theme = theme();
  for (const listener of listeners) listener();
}

system.addEventListener("change", apply);
printing.addEventListener("change", ({ matches }) => print(matches));
window.addEventListener("beforeprint", () => print(true));
window.addEventListener("afterprint", () => print(false));
apply();
