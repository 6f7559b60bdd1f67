/** What a reader chose, kept in the browser: for convenience alone, so that a browser that keeps nothing is no failure. */

import type { Axis, Extra } from "./state";

const SERIES = "gexlake.series";
const CHOICES = "gexlake.choices";

/** What a link that names no second takes from the last visit; one that names a second says all of it. */
export interface Choices {
  value?: string;
  hidden?: string[];
  extras?: Extra[];
  axis?: Axis;
  speed?: number;
  watched?: string[];
  sound?: boolean;
}

export function rememberedSeries(): string[] | null {
  const kept = read(SERIES);
  return kept === null ? null : kept.split(",").filter(Boolean);
}

export function rememberSeries(names: readonly string[]): void {
  write(SERIES, names.join(","));
}

export function rememberedChoices(): Choices {
  try {
    const found: unknown = JSON.parse(read(CHOICES) ?? "{}");
    return typeof found === "object" && found !== null ? found : {};
  } catch {
    return {}; // written by something else
  }
}

export function rememberChoices(chosen: Choices): void {
  write(CHOICES, JSON.stringify({ ...rememberedChoices(), ...chosen }));
}

function read(name: string): string | null {
  try {
    return localStorage.getItem(name);
  } catch {
    return null;
  }
}

function write(name: string, text: string): void {
  try {
    localStorage.setItem(name, text);
  } catch {
    // it is in the link
  }
}
