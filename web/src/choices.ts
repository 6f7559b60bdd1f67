/** What a reader chose, kept in the browser: for convenience alone, so that a browser that keeps nothing is no failure. */

const SERIES = "gexlake.series";

export function rememberedSeries(): string[] | null {
  try {
    const kept = localStorage.getItem(SERIES);
    return kept === null ? null : kept.split(",").filter(Boolean);
  } catch {
    return null;
  }
}

export function rememberSeries(names: readonly string[]): void {
  try {
    localStorage.setItem(SERIES, names.join(","));
  } catch {
    // it is in the link
  }
}
