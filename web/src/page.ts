/** What a page of the dashboard is, and what it may ask of the frame around it. */

import type { Feed, FeedStatus, LakeStatus } from "./api";
import type { State } from "./state";

export interface Shell {
  /** Replace the address without leaving the page. */
  replace(state: Partial<State>): void;
  /** Go to another page or another state of this one. */
  go(state: Partial<State> & { page: State["page"] }): void;
  /** Say something that is worth no view of its own. */
  say(text: string): void;
  /** Show the view that belongs to a failure in the place of the page. */
  fail(error: unknown): void;
  feeds(): Promise<FeedStatus[]>;
  status(): Promise<LakeStatus>;
  markSynthetic(synthetic: boolean): void;
}

export interface Page {
  readonly element: HTMLElement;
  /** Take over a state of the same page; false where it has to be built anew. */
  update(state: State): boolean;
  key?(event: KeyboardEvent): boolean;
  themed?(): void;
  /** A session was committed. True where the page itself says so. */
  committed?(feed: Feed, date: string): boolean | void;
  /** The server answers again, or its news had been cut off. */
  reconnected?(): void;
  destroy(): void;
}

export const feedOf = (row: { ticker: string; package: string; category: string }): Feed => ({
  symbol: row.ticker,
  package: row.package,
  category: row.category,
});

/** A package of one category bears its name: once is enough. */
export const feedName = ({ symbol, package: kind, category }: Feed) => [...new Set([symbol, kind, category])].join(" / ");
export const sameFeed = (one: Feed | null, other: Feed | null) =>
  one?.symbol === other?.symbol && one?.package === other?.package && one?.category === other?.category;
