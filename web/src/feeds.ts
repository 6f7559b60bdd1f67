/** The feeds to choose from: per ticker, the record types one after another. */

import type { Feed, FeedStatus } from "./api";
import { h } from "./dom";
import { feedName, feedOf, sameFeed } from "./page";
import { RECORD_TYPES, typeOfFeed } from "./record_types";

export interface FeedGroup {
  label: string;
  feeds: FeedStatus[];
}

/** In the order of the tickers, then of the record types, then as they come. */
export function groupsOfFeeds(feeds: readonly FeedStatus[]): FeedGroup[] {
  const groups: FeedGroup[] = [];
  for (const ticker of new Set(feeds.map((one) => one.ticker))) {
    for (const type of RECORD_TYPES) {
      const found = feeds.filter((one) => one.ticker === ticker && typeOfRow(one) === type);
      if (found.length) groups.push({ label: `${ticker} · ${type.label}`, feeds: found });
    }
  }
  return groups;
}

/** What the service says it is; by its category where it does not say. */
export function typeOfRow(row: FeedStatus): (typeof RECORD_TYPES)[number] {
  return RECORD_TYPES.find(({ name }) => name === row.record_type) ?? typeOfFeed(row);
}

/** The choices of a list of feeds. */
export function feedOptions(feeds: readonly FeedStatus[], open: Feed | null): HTMLElement[] {
  return groupsOfFeeds(feeds).map(({ label, feeds: group }) => h("optgroup", { label },
    ...group.map(feedOf).map((feed) => h("option", { value: JSON.stringify(feed), selected: sameFeed(feed, open) }, feedName(feed)))));
}
