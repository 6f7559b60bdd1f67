/** Instants are Unix seconds; people read New York's time with UTC beside it. Pure. */

const parts = new Intl.DateTimeFormat("en-CA", {
  timeZone: "America/New_York",
  hourCycle: "h23",
  year: "numeric",
  month: "2-digit",
  day: "2-digit",
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
});

let known = { hour: NaN, offset: 0 };

/** Seconds that New York's clock is ahead of UTC (so below 0). It changes on the hour at most, so that one is kept. */
export function newYorkOffset(instant: number): number {
  const hour = Math.floor(instant / 3600);
  if (hour !== known.hour) {
    const found = Object.fromEntries(parts.formatToParts(hour * 3_600_000).map(({ type, value }) => [type, Number(value)]));
    const { year = 0, month = 1, day = 1, hour: hours = 0, minute = 0, second = 0 } = found;
    known = { hour, offset: Date.UTC(year, month - 1, day, hours, minute, second) / 1000 - hour * 3600 };
  }
  return known.offset;
}

/** 10:15:00, on New York's clock. */
export function newYork(instant: number): string {
  return clock(instant + newYorkOffset(instant));
}

/** 15:15:00, in UTC. */
export function utc(instant: number): string {
  return clock(instant);
}

/** 2025-11-14 in New York. */
export function newYorkDate(instant: number): string {
  return new Date((instant + newYorkOffset(instant)) * 1000).toISOString().slice(0, 10);
}

/** 2025-11-14 10:15:00 in New York. */
export function newYorkMoment(instant: number): string {
  return `${newYorkDate(instant)} ${newYork(instant)}`;
}

function clock(seconds: number): string {
  return new Date(Math.floor(seconds) * 1000).toISOString().slice(11, 19);
}

/** The instant at which New York's clock shows `time` (10:15 or 10:15:00) on that date; null for what is none. */
export function instantOf(date: string, time: string): number | null {
  const found = /^(\d{1,2}):(\d{2})(?::(\d{2}))?$/.exec(time.trim());
  const midnight = Date.parse(`${date}T00:00:00Z`) / 1000;
  if (!found || !Number.isFinite(midnight)) return null;
  const [hours, minutes, seconds] = [Number(found[1]), Number(found[2]), Number(found[3] ?? 0)];
  if (hours > 23 || minutes > 59 || seconds > 59) return null;
  const wall = midnight + hours * 3600 + minutes * 60 + seconds;
  return wall - newYorkOffset(wall + 5 * 3600); // five hours are near enough to be on the right side of a change
}

const STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200];

/** Where an axis of time has its ticks: round times on New York's clock. */
export function timeTicks(start: number, end: number, most: number): { instants: number[]; step: number } {
  const step = STEPS.find((one) => (end - start) / one <= most) ?? 14_400;
  const offset = newYorkOffset(start);
  const instants: number[] = [];
  for (let wall = Math.ceil((start + offset) / step) * step; wall <= end + offset; wall += step) {
    instants.push(wall - offset);
  }
  return { instants, step };
}

/** 10:15, or 10:15:30 where the ticks are that close. */
export function tickText(instant: number, step: number): string {
  return step < 60 ? newYork(instant) : newYork(instant).slice(0, 5);
}

/** Fri 14 Nov 2025 */
export function longDate(date: string): string {
  return new Intl.DateTimeFormat("en-GB", {
    timeZone: "UTC",
    weekday: "short",
    day: "numeric",
    month: "short",
    year: "numeric",
  }).format(Date.parse(`${date}T00:00:00Z`)).replace(",", "");
}
