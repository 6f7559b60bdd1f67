/** Which feed, which day, which series: what is opened first, what lies beside, what the lists offer. Pure. */

import type { Feed, FeedStatus, SessionRow } from "../../api";
import { feedOf, sameFeed } from "../../page";
import { seriesNames, type RecordType } from "../../record_types";
import type { Direction } from "./cursor";

/** What a link without a feed or a date opens: the largest feed, its last session. Null for an empty lake. */
export function sessionToOpen(feeds: readonly FeedStatus[], feed: Feed | null, date: string | null): { feed: Feed; date: string } | null {
  const largest = [...feeds].sort((one, other) => other.snapshots - one.snapshots)[0];
  if (!largest) return null;
  const chosen = feeds.find((one) => sameFeed(feedOf(one), feed)) ?? (feed ? null : largest);
  return { feed: chosen ? feedOf(chosen) : feed!, date: date ?? chosen?.last_session ?? feeds[0]!.last_session };
}

/** The day that another feed is opened at: the same one, if it lies within that feed's sessions. */
export function dayInFeed(feeds: readonly FeedStatus[], feed: Feed, date: string | null): string | null {
  const row = feeds.find((one) => sameFeed(feedOf(one), feed));
  const within = row && date && date >= row.first_session && date <= row.last_session;
  return within ? date : (row?.last_session ?? null);
}

/** The session before or after a day. */
export function dayBeside(rows: readonly Pick<SessionRow, "session_date">[], date: string, direction: Direction): string | null {
  const wanted = rows.map((row) => row.session_date).filter((day) => (direction > 0 ? day > date : day < date)).sort();
  return (direction > 0 ? wanted[0] : wanted.at(-1)) ?? null;
}

/** The days to choose from, the newest first, with the one that is open even where the lake has none. */
export function datesToChoose(rows: readonly Pick<SessionRow, "session_date" | "gaps">[], open: string | null): { date: string; mark: string }[] {
  const dates = rows.map((row) => ({ date: row.session_date, mark: row.gaps ? " · holes" : "" }));
  if (open && !dates.some(({ date }) => date === open)) dates.push({ date: open, mark: "" });
  return dates.sort((one, other) => (one.date < other.date ? 1 : -1));
}

/** The series that are drawn: those of the link, else what the reader chose last, else the usual. */
export function seriesToShow(type: RecordType, linked: readonly string[] | null, remembered: readonly string[] | null): string[] {
  const known = seriesNames(type);
  return [...(linked ?? remembered ?? type.usual)].filter((name) => known.includes(name));
}

/** With one more, or one less, in the order of the type. */
export function seriesToggled(type: RecordType, chosen: readonly string[], name: string): string[] {
  return seriesNames(type).filter((one) => (one === name) !== chosen.includes(one));
}
