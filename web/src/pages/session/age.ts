/** How old the newest second of a session is against the clock on the wall. Pure. */

import { duration } from "../../format";
import { newYorkDate } from "../../time";
import type { ViewHead } from "../../view";

export const AMBER_SECONDS = 10;
export const RED_SECONDS = 60;

export interface Age {
  seconds: number;
  text: string;
  state: "fresh" | "amber" | "red";
}

type Times = Pick<ViewHead, "session_date" | "open" | "close" | "last">;

/** Whether snapshots of the session are still to be expected: it is today's, and its hours are not over. */
export function isRunning({ session_date, open, close }: Times, now: number): boolean {
  return session_date === newYorkDate(now) && open !== null && close !== null && now >= open && now <= close;
}

/** Null of a session that is over: its age says nothing. */
export function ageOfSession(head: Times, now: number): Age | null {
  if (!isRunning(head, now)) return null;
  const seconds = Math.max(0, Math.floor(now - head.last)); // clocks may differ by a little
  return { seconds, text: `${duration(seconds)} old`, state: seconds > RED_SECONDS ? "red" : seconds > AMBER_SECONDS ? "amber" : "fresh" };
}
