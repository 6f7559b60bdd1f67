/** Light or dark: what the system wants, until the reader chooses. */

import type { Theme } from "./colour";

const KEY = "gexlake.theme";
const system = matchMedia("(prefers-color-scheme: light)");
const listeners = new Set<() => void>();

export function theme(): Theme {
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

function apply(): void {
  document.documentElement.dataset.theme = theme();
  for (const listener of listeners) listener();
}

system.addEventListener("change", apply);
apply();
