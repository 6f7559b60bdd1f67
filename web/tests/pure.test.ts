import { describe, expect, it } from "vitest";

import { spread } from "../src/charts/canvas";
import { colourAt, colourOn, indexOf, indexOn, lookup, position, scaleBound, scaleOf, tableOf, valueAt, valueOn } from "../src/colour";
import { bytes, compact, duration, fixed, niceCeiling, niceStep, share, signed } from "../src/format";
import { daysOf } from "../src/pages/coverage";
import { readMetrics } from "../src/pages/status";
import { formatState, parseState } from "../src/state";
import { instantOf, newYork, newYorkDate, timeTicks, utc } from "../src/time";
import { decodeView } from "../src/view";
import { fit, follow, pan, zoom } from "../src/window";

describe("numbers", () => {
  it("are written as traders write them", () => {
    expect(fixed(1234567.891)).toBe("1,234,567.89");
    expect(fixed(-0.5)).toBe("−0.50");
    expect(signed(3)).toBe("+3.00");
    expect(fixed(null)).toBe("–");
    expect([compact(1_234_567), compact(-950), compact(0), compact(12_000)]).toEqual(["1.23M", "−950", "0", "12K"]);
    expect(bytes(1_234_567)).toBe("1.2 MB");
    expect([share(0.99996), share(1)]).toEqual(["99.99 %", "100 %"]);
    expect([duration(4.2), duration(75), duration(3700)]).toEqual(["4.2 s", "1 min 15 s", "1 h 01 min"]);
  });
  it("give axes round steps and bounds", () => {
    expect(niceStep(1000, 10)).toBe(100);
    expect(niceStep(990, 14)).toBe(100);
    expect([niceCeiling(107), niceCeiling(100), niceCeiling(0)]).toEqual([120, 100, 1]);
  });
});

describe("times", () => {
  const winter = 1763134200; // 2025-11-14 15:30:00 UTC
  const summer = 1755178200; // 2025-08-14 13:30:00 UTC
  it("are New York's with UTC beside", () => {
    expect([newYork(winter), utc(winter), newYorkDate(winter)]).toEqual(["10:30:00", "15:30:00", "2025-11-14"]);
    expect(newYork(summer)).toBe("09:30:00");
  });
  it("are read back to the same instant on both sides of a change of the clock", () => {
    for (const [date, time, instant] of [["2025-11-14", "10:30:00", winter], ["2025-08-14", "9:30", summer]] as const) {
      expect(instantOf(date, time)).toBe(instant);
    }
    for (const date of ["2025-10-31", "2025-11-03", "2025-03-07", "2025-03-10"]) {
      expect(newYork(instantOf(date, "15:59:59")!)).toBe("15:59:59");
    }
    expect([instantOf("2025-11-14", "25:00"), instantOf("x", "10:00"), instantOf("2025-11-14", "10")]).toEqual([null, null, null]);
  });
  it("have ticks at round times of New York's clock", () => {
    expect(timeTicks(winter - 3600, winter + 5.5 * 3600, 7).instants.map(newYork)).toEqual(
      ["10:00:00", "11:00:00", "12:00:00", "13:00:00", "14:00:00", "15:00:00", "16:00:00"]);
  });
});

describe("the colour scale", () => {
  it("is the same on both sides and survives outliers", () => {
    const cells = Float64Array.from({ length: 1000 }, (_, place) => (place % 2 ? 1 : -1) * (place % 100));
    cells[7] = 1e9;
    expect(scaleBound(cells)).toBeLessThan(100);
    expect(scaleBound(new Float64Array([NaN, 0]))).toBe(1);
    expect(position(-50, 100)).toBeCloseTo(-position(50, 100));
    expect([position(1e9, 100), position(0, 100)]).toEqual([1, 0]);
    expect(valueAt(position(37, 100), 100)).toBeCloseTo(37);
  });
  it("gets steadily lighter on dark and darker on light", () => {
    const weight = ([red, green, blue]: readonly number[]) => 0.2126 * red! + 0.7152 * green! + 0.0722 * blue!;
    for (const [theme, direction] of [["dark", 1], ["light", -1]] as const) {
      for (const side of [-1, 1]) {
        for (let place = 0.05; place <= 1; place += 0.05) {
          expect(direction * (weight(colourAt(side * place, theme)) - weight(colourAt(side * (place - 0.05), theme)))).toBeGreaterThan(0);
        }
      }
    }
  });
  it("is looked up by value", () => {
    const table = lookup("dark");
    const [red, green, blue] = colourAt(1, "dark");
    expect(table[indexOf(100, 100)]).toBe(((255 << 24) | (blue << 16) | (green << 8) | red) >>> 0);
    expect(indexOf(0, 100)).toBe(255);
  });
});

describe("the scale of what lies on one side of zero", () => {
  const cells = Float64Array.from({ length: 1001 }, (_, place) => (place ? 0.1 + place / 10_000 : 0));
  it("goes from the least to the greatest, without outliers, and without what is no value", () => {
    cells[500] = 9;
    const { signed, low, high } = scaleOf(cells, false);
    expect([signed, low > 0.1, low < 0.11, high > 0.19, high < 0.2]).toEqual([false, true, true, true, true]);
    expect(scaleOf(new Float64Array([NaN, 0]), false)).toEqual({ signed: false, low: 0, high: 1 });
    expect(scaleOf(new Float64Array([0.3, 0.3]), false)).toEqual({ signed: false, low: 0.3, high: 1.3 });
  });
  it("is even, and the same as the other one where it is signed", () => {
    const scale = { signed: false, low: 0.1, high: 0.3 };
    expect([0, 0.5, 1].map((part) => valueOn(part, scale))).toEqual([0.1, 0.2, 0.3]);
    expect([0, 0.1, 0.2, 0.3, 9].map((value) => indexOn(value, scale))).toEqual([0, 0, 255, 510, 510]);
    const around = { signed: true, low: -100, high: 100 };
    expect([indexOn(37, around), valueOn(0.75, around), colourOn(1, around, "dark")]).toEqual([indexOf(37, 100), valueAt(0.5, 100), colourAt(1, "dark")]);
  });
  it("gets steadily lighter on dark and darker on light, and is looked up by value", () => {
    const weight = ([red, green, blue]: readonly number[]) => 0.2126 * red! + 0.7152 * green! + 0.0722 * blue!;
    for (const [theme, direction] of [["dark", 1], ["light", -1]] as const) {
      for (let part = 0.05; part <= 1; part += 0.05) {
        expect(direction * (weight(colourOn(part, { signed: false }, theme)) - weight(colourOn(part - 0.05, { signed: false }, theme)))).toBeGreaterThan(0);
      }
    }
    const [red, green, blue] = colourOn(1, { signed: false }, "light");
    expect(tableOf({ signed: false }, "light").at(-1)).toBe(((255 << 24) | (blue << 16) | (green << 8) | red) >>> 0);
    expect(tableOf({ signed: true }, "dark")).toEqual(lookup("dark"));
  });
});

describe("the window", () => {
  const bounds = { low: 0, high: 100 };
  it("zooms around a point that stays", () => {
    const range = zoom(bounds, bounds, 0.5, 25, 1);
    expect(range).toEqual({ low: 12.5, high: 62.5 });
    expect(zoom(range, bounds, 100, 25, 1)).toEqual(bounds);
    const least = zoom(range, bounds, 0.0001, 25, 5);
    expect(least.high - least.low).toBeCloseTo(5);
  });
  it("never leaves the bounds", () => {
    expect(pan({ low: 10, high: 20 }, bounds, -50)).toEqual({ low: 0, high: 10 });
    expect(fit({ low: 95, high: 115 }, bounds)).toEqual({ low: 80, high: 100 });
    expect(follow({ low: 10, high: 20 }, bounds, 15)).toEqual({ low: 10, high: 20 });
    expect(follow({ low: 10, high: 20 }, bounds, 50).high).toBeGreaterThanOrEqual(50);
  });
});

describe("the address", () => {
  it("comes back as it was", () => {
    const hash = "#/session?symbol=NQ_NDX&package=classic&category=gex_zero&date=2025-11-14&at=10:15:00&value=gex_oi&from=10:00:00&to=11:00:00&low=25000&high=25500.5&strike=25100&hide=spot,zero";
    expect(formatState(parseState(hash))).toBe(hash);
  });
  it("comes back of any record type", () => {
    for (const hash of [
      "#/session?symbol=NQ_NDX&package=state&category=vanna_one&date=2025-11-14&value=put_ivol&hide=long",
      "#/session?symbol=NQ_NDX&package=orderflow&category=orderflow&at=10:15:00&series=spot,net_dex",
      "#/session?symbol=NQ_NDX&package=orderflow&category=orderflow&series=none",
    ]) expect(formatState(parseState(hash))).toBe(hash);
  });
  it("names no value that is the usual one, or none of the feed's", () => {
    const feed = { symbol: "X", package: "state", category: "gamma_zero" };
    expect(["value", "gex_oi", "", "call_ivol"].map((value) => formatState({ page: "session", feed, value }).includes("value="))).toEqual([false, false, false, true]);
  });
  it("need not name package and category", () => {
    const meant = (query: string) => { const { feed } = parseState(`#/session?symbol=X&${query}`); return `${feed!.package}/${feed!.category}`; };
    expect(["", "package=state", "category=gex_one", "category=gamma_zero", "package=orderflow", "category=orderflow"].map(meant)).toEqual(
      ["classic/gex_zero", "state/gex_zero", "classic/gex_one", "state/gamma_zero", "orderflow/orderflow", "orderflow/orderflow"]);
  });
  it("takes known series alone", () => {
    expect(["series=spot,gone", "series=gone", "series=none", ""].map((query) => parseState(`#/session?${query}`).series)).toEqual([["spot"], null, [], null]);
  });
  it("ignores what makes no sense", () => {
    const state = parseState("#/nowhere?date=tomorrow&at=noon&low=x&value=price");
    expect(state).toMatchObject({ page: "session", feed: null, date: null, at: null, low: null, value: "" });
    expect(parseState("").page).toBe("session");
  });
});

describe("a view", () => {
  const encode = () => {
    const head = { start: 100, column_seconds: 10, strikes: [10, 20, 40], arrays: [["cells", 6], ["time", 2]] };
    let text = JSON.stringify(head);
    text += " ".repeat((8 - ((text.length + 4) % 8)) % 8);
    const buffer = new ArrayBuffer(4 + text.length + 64);
    new DataView(buffer).setUint32(0, text.length, true);
    new Uint8Array(buffer, 4).set(new TextEncoder().encode(text));
    new Float64Array(buffer, 4 + text.length).set([1, 2, 3, NaN, 5, 6, 110, 120]);
    return decodeView(buffer);
  };
  it("is decoded where it lies", () => {
    const view = encode();
    expect([view.cell(0, 1), view.cell(1, 0), view.cell(1, 1)]).toEqual([2, 3, NaN]);
    expect([view.start, view.end, view.columns]).toEqual([100, 120, 2]);
  });
  it("knows columns and strikes", () => {
    const view = encode();
    expect([99, 100, 110, 110.5, 120, 121].map((instant) => view.columnAt(instant))).toEqual([-1, 0, 0, 1, 1, -1]);
    expect([...view.edges()]).toEqual([5, 15, 30, 50]);
    expect([9, 16, 100].map((price) => view.strikeAt(price))).toEqual([0, 1, 2]);
  });
});

it("labels keep their distance", () => {
  const places = spread([50, 52, 51, 10], 10, 0, 100);
  const sorted = [...places].sort((one, other) => one - other);
  for (let place = 1; place < sorted.length; place += 1) expect(sorted[place]! - sorted[place - 1]!).toBeGreaterThanOrEqual(10 - 1e-9);
});

it("days that a report of gaps does not name are complete or closed", () => {
  const gaps = { since: "2025-11-13", until: "2025-11-17", days: [{ session_date: "2025-11-17", status: "missing", early_close: false }] };
  const days = daysOf(gaps as never, [{ session_date: "2025-11-13", snapshots: 9 }, { session_date: "2025-11-14", snapshots: 9 }]);
  expect([...days.values()].map((day) => day.status)).toEqual(["complete", "complete", "closed", "closed", "missing"]);
});

it("metrics are summed over routes, streams aside", () => {
  const text = 'x_requests_total{route="/",status="200"} 3.0\nx_requests_total{route="/a",status="404"} 2.0\nx_request_seconds_sum{route="/"} 0.5\nx_request_seconds_sum{route="/events"} 99\nprocess_resident_memory_bytes 1e6\n';
  expect(readMetrics(text)).toEqual({ requests: 5, errors: 2, seconds: 0.5, memory: 1e6 });
});
