/** The controller over answers that a test gives when it likes: what is shown is what has come, under its own name. */

import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import type { Shell } from "../../src/page";
import { fitting } from "../../src/pages/session/address";
import { Controller } from "../../src/pages/session/controller";
import type { Screen } from "../../src/pages/session/screen";
import { scaleOfState, seenOverview } from "../../src/pages/session/seen";
import { overview } from "../../src/pages/session/state";
import { parseState } from "../../src/state";
import type { SessionView } from "../../src/view";
import { DATE, encodeView, feedRow, makeContracts, makeGreek, makeOrderflow, makeSnapshot, makeView, OPEN, sessionRow, tailOf } from "./made";

const LINK = `#/session?symbol=NQ_NDX&package=classic&category=gex_zero&date=${DATE}&at=09:30:20`;

interface Asked {
  path: string;
  query: URLSearchParams;
  answer(body: unknown, status?: number): Promise<void>;
}

let asked: Asked[] = [];
/** All that follows from what is there. */
const settle = async () => { for (let turn = 0; turn < 20; turn += 1) await Promise.resolve(); };

/** The oldest request to a path that has no answer yet. */
function next(path: string): Asked {
  const place = asked.findIndex((one) => one.path === path);
  expect(place, `a request to ${path} among ${asked.map((one) => one.path)}`).toBeGreaterThanOrEqual(0);
  return asked.splice(place, 1)[0]!;
}

function fetchLater(url: string, init: RequestInit): Promise<Response> {
  return new Promise((resolve, reject) => {
    init.signal?.addEventListener("abort", () => reject(new DOMException("aborted", "AbortError")));
    const [path = "", query = ""] = url.split("?");
    const answer = async (body: unknown, status = 200) => {
      // Only what ../../src/api reads of a response: a real one takes turns of the machine to be read.
      resolve({ ok: status < 400, status, json: async () => body, arrayBuffer: async () => body } as Response);
      await settle();
    };
    asked.push({ path, query: new URLSearchParams(query), answer });
  });
}

function setUp(hash = LINK) {
  const calls: string[] = [];
  const told: string[] = [];
  const noted = <T extends object>(known: object) => new Proxy(known, {
    get: (target, name) => Reflect.get(target, name) ?? ((...given: unknown[]) => { calls.push(String(name)); if (name === "say" || name === "tell") told.push(String(given[0])); }),
  }) as T;
  const replaced: unknown[] = [];
  const gone: unknown[] = [];
  const shell = noted<Shell>({ feeds: async () => [feedRow("NQ_NDX", 9)], replace: (state: unknown) => replaced.push(state), go: (state: unknown) => gone.push(state) });
  const controller = new Controller(shell, parseState(hash), noted<Screen>({ columns: 400 }));
  controller.open();
  return { controller, state: controller.state, calls, told, replaced, gone };
}

async function opened(hash = LINK) {
  const made = setUp(hash);
  await settle();
  await next("/sessions").answer({ sessions: [sessionRow("2025-11-13"), sessionRow(DATE)] });
  await next("/view/session").answer(encodeView(makeView()));
  await next("/gex/at").answer(makeSnapshot());
  return made;
}

beforeEach(() => {
  asked = [];
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  vi.stubGlobal("fetch", fetchLater);
  vi.stubGlobal("sessionStorage", { getItem: () => null });
  vi.stubGlobal("cancelAnimationFrame", () => {});
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

describe("a link", () => {
  it("opens its second of its session, and the address follows", async () => {
    const { state, calls, replaced } = await opened(`${LINK}&strike=110`);
    expect(state).toMatchObject({ date: DATE, instant: OPEN + 20, strike: 110, shown: { spot: 112.5 } });
    expect(calls).toEqual(expect.arrayContaining(["opened", "show", "showSecond", "showLadder", "showValues"]));
    vi.advanceTimersByTime(250);
    expect(replaced.at(-1)).toMatchObject({ date: DATE, at: "09:30:20", strike: 110, from: null });
  });
  it("to another second of the same session asks for no other picture", async () => {
    const { controller, state } = await opened();
    controller.update(parseState(LINK.replace("09:30:20", "09:30:12")));
    await settle();
    expect([state.instant, asked.filter(({ path }) => path === "/view/session")]).toEqual([OPEN + 12, []]);
  });
  it("to a day without data names the days beside it", async () => {
    const { calls, state } = setUp(LINK.replace(DATE, "2025-11-18"));
    await settle();
    await next("/view/session").answer({ error: "session_unknown", message: "There is none.", details: [], request_id: "1" }, 404);
    for (let left = 2; left > 0; left -= 1) await next("/sessions").answer({ sessions: [sessionRow(DATE)] });
    expect(calls).toContain("showNoSession");
    expect(overview(state)).toBeNull();
  });
  it("whose neighbours cannot be had either says so, in place of an empty page", async () => {
    const { calls } = setUp(LINK.replace(DATE, "2025-11-18"));
    await settle();
    await next("/view/session").answer({ error: "session_unknown", message: "There is none.", details: [], request_id: "1" }, 404);
    for (let left = 2; left > 0; left -= 1) await next("/sessions").answer({ error: "fault", message: "Broken.", details: [], request_id: "2" }, 500);
    expect(calls).toContain("fail");
  });
});

describe("the value", () => {
  it("keeps its name until the other is there", async () => {
    const { controller, state } = await opened();
    controller.otherValue();
    await settle();
    expect([state.value, overview(state)?.head.value]).toEqual(["gex_vol", "gex_vol"]);
    await next("/view/session").answer(encodeView(makeView("gex_oi")));
    expect([state.value, overview(state)?.head.value]).toEqual(["gex_oi", "gex_oi"]);
  });
  it("stays what it was where the other cannot be had, and can be asked for again", async () => {
    const { controller, state, told } = await opened();
    controller.otherValue();
    await settle();
    await next("/view/session").answer({ error: "busy", message: "Too busy.", details: [], request_id: "1" }, 503);
    expect([state.value, told]).toEqual(["gex_vol", ["Too busy."]]);
    controller.otherValue();
    await settle();
    expect(next("/view/session").query.get("value")).toBe("gex_oi");
  });
  it("asked for twice, by the reader and ahead, is the one that came first", async () => {
    const { controller, state } = await opened();
    vi.advanceTimersByTime(300);
    controller.otherValue();
    await settle();
    const [first, second] = [next("/view/session"), next("/view/session")];
    await first.answer(encodeView(makeView("gex_oi")));
    const kept = state.views.get("gex_oi");
    await second.answer(encodeView(makeView("gex_oi")));
    expect(state.value).toBe("gex_oi");
    expect(overview(state)).toBe(kept);
  });
  it("asked for while another session opens is not what that session is taken for", async () => {
    const { controller, state } = await opened();
    controller.update(parseState(LINK.replace(DATE, "2025-11-13")));
    await settle();
    const opening = next("/view/session");
    controller.otherValue();
    await settle();
    await opening.answer(encodeView(makeView("gex_vol", { session_date: "2025-11-13" })));
    expect([state.value, overview(state)?.head.value, overview(state)?.head.session_date]).toEqual(["gex_vol", "gex_vol", "2025-11-13"]);
  });
});

describe("another session", () => {
  it("does not show the ladder of the one before", async () => {
    const { controller, state } = await opened();
    expect(state.shown).not.toBeNull();
    controller.update(parseState(LINK.replace("NQ_NDX", "SPX")));
    await settle();
    await next("/view/session").answer(encodeView(makeView("gex_vol", { symbol: "SPX" })));
    expect([state.feed?.symbol, state.shown]).toEqual(["SPX", null]);
  });
  it("has no neighbours of the feed before", async () => {
    const { controller, state, gone } = await opened();
    controller.update(parseState(LINK.replace("NQ_NDX", "SPX")));
    await settle();
    expect(state.rows).toEqual([]);
    controller.neighbour(-1);
    expect(gone).toEqual([]);
  });
  it("that comes too late is not shown", async () => {
    const { controller, state } = await opened();
    controller.update(parseState(LINK.replace(DATE, "2025-11-13")));
    await settle();
    const late = next("/view/session");
    controller.update(parseState(LINK.replace(DATE, "2025-11-12")));
    await settle();
    await late.answer(encodeView(makeView("gex_vol", { session_date: "2025-11-13" })));
    expect(state.date).toBe("2025-11-12");
    expect(overview(state)?.head.session_date).toBe(DATE);
  });
});

describe("time", () => {
  it("shows nothing later than the chosen second", async () => {
    const { controller, state } = await opened();
    controller.step(-10);
    expect([state.instant, state.shown]).toEqual([OPEN + 10, null]);
    await next("/gex/at").answer(makeSnapshot({ timestamp: OPEN + 10, spot: 111 }));
    expect(state.shown?.spot).toBe(111);
  });
  it("stops at the ends, and says where no larger change is left", async () => {
    const { controller, state, told } = await opened();
    controller.step(1e6);
    expect(state.instant).toBe(OPEN + 40);
    controller.toMove(1);
    expect(told).toContain("No larger change comes later.");
    controller.toMove(-1);
    expect(state.instant).toBe(OPEN + 30);
    controller.toEnd(-1);
    expect(state.instant).toBe(OPEN + 2);
  });
  it("plays on from where the reader has moved to meanwhile", async () => {
    const frames: ((now: number) => void)[] = [];
    vi.stubGlobal("requestAnimationFrame", (frame: (now: number) => void) => frames.push(frame));
    const { controller, state } = await opened();
    controller.setSpeed(5);
    const start = performance.now();
    controller.togglePlay();
    controller.seek(OPEN + 4);
    frames.at(-1)!(start + 230);
    expect([state.playing, state.instant]).toEqual([true, OPEN + 5]);
    controller.seek(OPEN + 40);
    frames.at(-1)!(start + 460);
    expect(state.playing).toBe(false);
  });
  it("is followed by the window", async () => {
    const { controller, state } = await opened(`${LINK}&from=09:30:05&to=09:30:25`);
    controller.seek(OPEN + 39);
    expect(state.window.time).toEqual({ low: OPEN + 20, high: OPEN + 40 });
  });
});

it("the chosen strike is told with its values", async () => {
  const { controller, state, told } = await opened();
  controller.chooseStrike(98);
  expect([state.strike, told.at(-1)]).toEqual([100, "Strike 100.00: volume 1.50, open interest −2.00"]);
  controller.moveStrike(1);
  expect(state.strike).toBe(110);
  controller.chooseStrike(null);
  expect(state.strike).toBeNull();
});

describe("another record type", () => {
  const greek = LINK.replace("classic", "state").replace("gex_zero", "gamma_zero");
  const orderflow = LINK.replace("classic", "orderflow").replace("gex_zero", "orderflow");

  async function openedAt(hash: string, view: SessionView, route: string) {
    const made = setUp(hash);
    await settle();
    await next("/sessions").answer({ sessions: [sessionRow(DATE)] });
    const { query } = asked.find(({ path }) => path === "/view/session")!;
    await next("/view/session").answer(encodeView(view));
    await next(route).answer(makeContracts());
    return { ...made, query };
  }

  it("of a greek asks for its value and its snapshots", async () => {
    const { state, query } = await openedAt(greek, makeGreek(), "/greeks/at");
    expect([query.get("value"), state.value, state.shown?.["major_positive"]]).toEqual(["value", "value", 130]);
    expect(scaleOfState(state)).toMatchObject({ signed: true, low: -22, high: 22 });
  });
  it("goes round value and volatilities, each on its scale", async () => {
    const { controller, state } = await openedAt(greek, makeGreek(), "/greeks/at");
    for (const value of ["call_ivol", "put_ivol"]) {
      controller.otherValue();
      await settle();
      const asking = next("/view/session");
      expect(asking.query.get("value")).toBe(value);
      await asking.answer(encodeView(makeGreek(value)));
      expect([state.value, scaleOfState(state)]).toEqual([value, { signed: false, low: 1, high: 22 }]);
    }
    controller.otherValue();
    await settle();
    expect(state.value).toBe("value");
  });
  it("takes no value of another type from a link", async () => {
    const { state, query } = await openedAt(`${greek}&value=gex_oi`, makeGreek(), "/greeks/at");
    expect([query.get("value"), state.value]).toEqual(["value", "value"]);
  });
  it("of orderflow has no value, no strike and no largest change", async () => {
    const { controller, state, told, query } = await openedAt(orderflow, makeOrderflow(), "/orderflow/at");
    expect([query.has("value"), state.value]).toEqual([false, ""]);
    const { window } = state;
    controller.otherValue();
    controller.moveStrike(1);
    controller.zoomPrice(0.5);
    controller.toMove(1);
    expect([state.strike, state.window, told.at(-1)]).toEqual([null, window, "This feed has no sum whose largest changes were known."]);
    expect(asked.filter(({ path }) => path === "/view/session")).toEqual([]);
  });
  it("of orderflow draws the chosen series, in the link and remembered", async () => {
    const kept = new Map<string, string>();
    vi.stubGlobal("localStorage", { getItem: (name: string) => kept.get(name) ?? null, setItem: (name: string, text: string) => kept.set(name, text) });
    const { controller, state, replaced, calls } = await openedAt(`${orderflow}&series=zcvr,spot`, makeOrderflow(), "/orderflow/at");
    expect([state.series, kept.size]).toEqual([["zcvr", "spot"], 0]); // what a link names is no choice of the reader
    calls.length = 0;
    controller.toggleSeries("net_dex");
    expect([state.series, calls]).toEqual([["spot", "zcvr", "net_dex"], ["show", "showValues"]]);
    vi.advanceTimersByTime(250);
    expect(replaced.at(-1)).toMatchObject({ series: ["spot", "zcvr", "net_dex"] });
    controller.update(parseState(orderflow));
    expect(state.series).toEqual(["spot", "zcvr", "net_dex"]);
    controller.usualSeries();
    expect(state.series).toContain("dexoflow");
  });
});

describe("a session that changes while it is shown", () => {
  /** What is new, and one column before it. */
  const grown = (more = {}) => encodeView(tailOf(makeView("gex_vol", { last: OPEN + 40, ...more }), 1));
  const feed = { symbol: "NQ_NDX", package: "classic", category: "gex_zero" };
  async function openedYoung(hash = LINK) {
    const made = setUp(hash);
    await settle();
    await next("/sessions").answer({ sessions: [sessionRow(DATE)] });
    await next("/view/session").answer(encodeView(makeView("gex_vol", { last: OPEN + 25 })));
    await next("/gex/at").answer(makeSnapshot());
    return made;
  }

  it("grows by itself, and keeps second, strike and zoom", async () => {
    const { controller, state, told } = await openedYoung(`${LINK}&strike=110&from=09:30:05&to=09:30:35`);
    const { window } = state;
    expect(controller.committed(feed, DATE)).toBe(true);
    await settle();
    await next("/view/session").answer(grown());
    expect([overview(state)!.head.last, state.instant, state.strike, state.window, told]).toEqual([OPEN + 40, OPEN + 20, 110, window, []]);
  });
  it("is followed: the second is the newest, with its values", async () => {
    const { controller, state, replaced } = await openedYoung();
    controller.toggleFollow();
    expect([state.following, state.instant]).toEqual([true, OPEN + 25]);
    controller.committed(feed, DATE);
    await settle();
    await next("/view/session").answer(grown());
    for (const one of asked.filter(({ path }) => path === "/gex/at")) await one.answer(makeSnapshot({ timestamp: Number(one.query.get("timestamp")), spot: Number(one.query.get("timestamp")) - OPEN }));
    expect([state.instant, state.shown?.spot]).toEqual([OPEN + 40, 40]);
    vi.advanceTimersByTime(250);
    expect(replaced.at(-1)).toMatchObject({ follow: true });
    controller.step(-1);
    expect([state.following, state.instant]).toEqual([false, OPEN + 39]);
    controller.toEnd(1);
    expect([state.following, state.instant]).toEqual([true, OPEN + 40]);
  });
  it("is fetched once more for all that is committed meanwhile", async () => {
    const { controller } = await openedYoung();
    for (let time = 0; time < 5; time += 1) controller.committed(feed, DATE);
    await settle();
    expect(asked.filter(({ path }) => path === "/view/session")).toHaveLength(1);
    await next("/view/session").answer(grown());
    expect(asked.filter(({ path }) => path === "/view/session")).toHaveLength(1);
    await next("/view/session").answer(grown());
    expect(asked.filter(({ path }) => path === "/view/session")).toHaveLength(0);
  });
  it("is asked for its new columns alone", async () => {
    const { controller, state } = await openedYoung();
    controller.committed(feed, DATE);
    await settle();
    const asking = next("/view/session");
    expect(Object.fromEntries(asking.query)).toMatchObject({ columns: "3", start: String(OPEN + 10), end: String(OPEN + 40), known: String(OPEN + 25) });
    await asking.answer(grown());
    expect([overview(state)!.array("cells"), overview(state)!.array("last")]).toEqual([makeView().array("cells"), makeView().array("last")]);
    expect(asked.filter(({ path }) => path === "/view/session")).toEqual([]);
  });
  it("says once that it was replaced, and stays where it is", async () => {
    const { controller, state, told } = await openedYoung();
    const other = makeView("gex_vol", { last: OPEN + 35, digest: "other", known_digest: "other" });
    other.array("spot")[0] = 7;
    controller.committed(feed, DATE);
    await settle();
    await next("/view/session").answer(encodeView(tailOf(other, 1)));
    await next("/view/session").answer(encodeView(other)); // all of it, then
    controller.committed(feed, DATE);
    await settle();
    await next("/view/session").answer(encodeView(tailOf(other, 2)));
    expect([state.instant, overview(state)!.array("spot")[0], told]).toEqual([OPEN + 20, 7, ["This session was replaced. Its picture was loaded anew."]]);
  });
  it("gives another value that was asked for meanwhile, as it is by now", async () => {
    const { controller, state } = await openedYoung();
    controller.otherValue();
    controller.committed(feed, DATE);
    await settle();
    const early = next("/view/session");
    expect(early.query.get("value")).toBe("gex_oi");
    await next("/view/session").answer(grown());
    await early.answer(encodeView(makeView("gex_oi", { last: OPEN + 25 })));
    expect(state.value).toBe("gex_vol");
    await next("/view/session").answer(encodeView(makeView("gex_oi", { last: OPEN + 40 })));
    expect([state.value, overview(state)!.head.last]).toEqual(["gex_oi", OPEN + 40]);
  });
  it("of another day or feed is not fetched", async () => {
    const { controller } = await openedYoung();
    expect([controller.committed(feed, "2025-11-13"), controller.committed({ ...feed, symbol: "SPX" }, DATE)]).toEqual([false, false]);
    await settle();
    expect(asked.filter(({ path }) => path === "/view/session")).toEqual([]);
  });
  it("comes back by itself with the server", async () => {
    const { controller, state } = await openedYoung();
    controller.step(-9);
    expect([state.shown, state.absence]).toEqual([null, "loading"]);
    vi.stubGlobal("fetch", async () => { throw new TypeError("refused"); });
    controller.step(-1);
    await next("/gex/at").answer(makeSnapshot({ timestamp: OPEN + 11 }));
    expect([state.shown, state.absence]).toEqual([null, "lost"]);
    vi.stubGlobal("fetch", fetchLater);
    controller.reconnected();
    await settle();
    await next("/view/session").answer(encodeView(tailOf(makeView("gex_vol", { last: OPEN + 25 }), 1)));
    await next("/gex/at").answer(makeSnapshot({ timestamp: OPEN + 10, spot: 109 }));
    expect(state.shown?.spot).toBe(109);
  });
});

describe("what comes later", () => {
  it("is hidden by playing, and stays hidden, until a reader wants to see it", async () => {
    vi.stubGlobal("requestAnimationFrame", () => 1);
    const { controller, state, told } = await opened();
    controller.togglePlay();
    controller.pause();
    expect(state.later).toBe("hidden");
    controller.toMove(1);
    expect([state.instant, told.at(-1)]).toEqual([OPEN + 20, "What comes later is hidden (H shows it)."]);
    controller.toggleLater();
    controller.togglePlay();
    expect(state.later).toBe("shown");
  });
  it("is in the link, as is the scale", async () => {
    const { controller, state, replaced } = await opened(`${LINK}&later=hidden&scale=120`);
    expect([state.later, state.scale]).toEqual(["hidden", 120]);
    controller.chooseScale("now");
    vi.advanceTimersByTime(250);
    expect(replaced.at(-1)).toMatchObject({ later: "hidden", scale: "now" });
  });
  it("does not widen the axis of prices before it is there", async () => {
    const { controller, state } = await opened(`${LINK}&later=hidden`);
    expect(state.window.price.high).toBe(150);
    controller.step(-10);
    expect(state.window.price.high).toBe(140);
    controller.seek(OPEN + 35);
    expect(state.window.price.high).toBe(150);
  });
});

describe("what is in view", () => {
  const wide = (more = {}) => makeView("gex_vol", { column_seconds: 600, last: OPEN + 2400, ...more });
  async function openedWide(hash = LINK) {
    const made = setUp(hash);
    await settle();
    await next("/sessions").answer({ sessions: [sessionRow(DATE)] });
    await next("/view/session").answer(encodeView(wide()));
    await next("/gex/at").answer(makeSnapshot());
    return made;
  }

  it("is half an hour with the second near its end, a box, and gesture by gesture what was before", async () => {
    const { controller, state } = await openedWide(LINK.replace("09:30:20", "09:58:00"));
    const whole = state.window;
    controller.showSpan(1800);
    expect(state.window.time).toEqual({ low: OPEN + 60, high: OPEN + 1860 });
    vi.advanceTimersByTime(500);
    controller.showBox({ time: { low: OPEN + 600, high: OPEN + 900 }, price: { low: 105, high: 125 } });
    vi.advanceTimersByTime(500);
    for (let turn = 0; turn < 5; turn += 1) controller.panBy(0.05, 0); // one gesture
    expect(state.window.time.low).toBeCloseTo(OPEN + 675);
    controller.undoWindow();
    expect(state.window).toEqual({ time: { low: OPEN + 600, high: OPEN + 900 }, price: { low: 105, high: 125 } });
    controller.undoWindow();
    expect(state.window.price).toEqual(whole.price);
    for (let turn = 0; turn < 3; turn += 1) controller.undoWindow();
    expect(state.window).toEqual(whole);
  });
  it("is no narrower than one can see, and inside the session", async () => {
    const { controller, state } = await openedWide();
    controller.showBox({ time: { low: OPEN - 5, high: OPEN + 1 }, price: { low: 0, high: 1000 } });
    expect(state.window.time).toEqual({ low: OPEN, high: OPEN + 30 });
    controller.resetWindow();
    controller.showSpan(3600);
    expect(state.window.time).toEqual({ low: OPEN, high: OPEN + 2400 });
  });
});

describe("what is compared", () => {
  it("is fetched in the columns of the session, shown when it is there, and fetched anew as it grows", async () => {
    const { controller, state, replaced, told } = await opened();
    controller.chooseCompanion({ symbol: null, package: "classic", category: "gex_full", day: "same" });
    await settle();
    const asking = next("/view/session");
    expect(Object.fromEntries(asking.query)).toMatchObject({ category: "gex_full", columns: "4", start: String(OPEN), end: String(OPEN + 40) });
    expect(seenOverview(state)).toBe(overview(state));
    const full = makeView("gex_vol", { category: "gex_full", last: OPEN + 25 });
    await asking.answer(encodeView(full));
    expect(seenOverview(state)!.cell(1, 1)).toBe(0);
    vi.advanceTimersByTime(250);
    expect(replaced.at(-1)).toMatchObject({ companion: { category: "gex_full" } });
    controller.committed({ symbol: "NQ_NDX", package: "classic", category: "gex_full" }, DATE);
    await settle();
    expect(seenOverview(state)!.cell(1, 1)).toBe(0); // until the new one is there
    const again = next("/view/session");
    expect(again.query.get("known")).toBe(String(OPEN + 25));
    await again.answer(encodeView(tailOf(makeView("gex_vol", { category: "gex_full" }).with({ cells: new Float64Array(12).fill(7) }), 1)));
    expect([seenOverview(state)!.cell(1, 1), seenOverview(state)!.cell(1, 3)]).toEqual([0, 6]); // what had ended stands
    controller.chooseCompanion({ symbol: null, package: "classic", category: "gex_one", day: "2025-11-12" });
    await settle();
    await next("/view/session").answer({ error: "session_unknown", message: "There is none.", details: [], request_id: "1" }, 404);
    expect([seenOverview(state), told.at(-1)]).toEqual([overview(state), "There is none."]);
    expect(asked.filter(({ path }) => path === "/view/session")).toEqual([]); // it is not asked for again and again
  });
  it("is looked for again when it has come, and the days before are fetched anew when they have changed", async () => {
    const { controller, state } = await opened(`${LINK}&with=classic/gex_full&show=strip`);
    await settle();
    const partner = () => asked.findIndex(({ path, query }) => path === "/view/session" && query.get("category") === "gex_full");
    await asked.splice(partner(), 1)[0]!.answer({ error: "session_unknown", message: "There is none.", details: [], request_id: "1" }, 404);
    for (let day = 0; day < 2; day += 1) {
      const asking = next("/view/session");
      expect(asking.query.get("columns")).toBe("40");
      await asking.answer(encodeView(makeView("gex_vol", { session_date: asking.query.get("date")! })));
    }
    expect(state.strip.map(({ head }) => head.session_date)).toEqual(["2025-11-13", DATE]);
    expect(asked.filter(({ path }) => path === "/view/session")).toEqual([]);
    controller.committed({ symbol: "NQ_NDX", package: "classic", category: "gex_full" }, DATE);
    await settle();
    expect(partner()).toBeGreaterThanOrEqual(0);
    await asked.splice(partner(), 1)[0]!.answer(encodeView(makeView("gex_vol", { category: "gex_full" })));
    expect(seenOverview(state)).not.toBe(overview(state));
    controller.committed({ symbol: "NQ_NDX", package: "classic", category: "gex_zero" }, "2025-11-13");
    await settle();
    const again = next("/view/session");
    expect([again.query.get("columns"), again.query.get("date")]).toEqual(["40", "2025-11-13"]);
    await again.answer(encodeView(makeView("gex_vol", { session_date: "2025-11-13", strikes: [1, 2, 3] })));
    expect([...state.strip[0]!.strikes]).toEqual([1, 2, 3]);
  });
  it("is a change that keeps its name until it is there", async () => {
    const { controller, state } = await opened();
    controller.chooseChange(5);
    await settle();
    expect(state.change).toBe(0);
    const asking = next("/view/session");
    expect(asking.query.get("change_minutes")).toBe("5");
    await asking.answer(encodeView(makeView("gex_vol", { change_minutes: 5 })));
    expect([state.change, overview(state)!.head.change_minutes]).toEqual([5, 5]);
    controller.chooseChange(0);
    await settle();
    expect(state.change).toBe(0);
  });
});

describe("what was chosen on an earlier visit", () => {
  it("is taken by a link that names no second, and by no other", async () => {
    const kept = new Map([["gexlake.choices", JSON.stringify({ hidden: ["zero"], axis: "points", speed: 300, extras: ["expiry", "nonsense"], watched: ["levels"] })]]);
    vi.stubGlobal("localStorage", { getItem: (name: string) => kept.get(name) ?? null, setItem: (name: string, text: string) => kept.set(name, text) });
    const { controller, state } = await opened(LINK.replace("&at=09:30:20", ""));
    expect([[...state.hidden], state.axis, state.speed, [...state.extras], [...state.watched]]).toEqual([["zero"], "points", 300, ["expiry"], ["levels"]]);
    controller.update(parseState(LINK));
    expect([[...state.hidden], state.axis]).toEqual([[], "price"]);
    controller.toggleOverlay("spot");
    expect(JSON.parse(kept.get("gexlake.choices")!)).toMatchObject({ hidden: ["spot"], speed: 300 });
    kept.set("gexlake.choices", "{");
    expect((await opened(LINK.replace("&at=09:30:20", ""))).state.axis).toBe("price");
  });
});

describe("another feed or day", () => {
  const zoomed = `${LINK}&from=09:30:05&to=09:30:25&low=100&high=120&strike=110`;
  it("keeps window and strike, of another ticker the time alone", async () => {
    const { controller, gone } = await opened(zoomed);
    controller.chooseFeed({ symbol: "NQ_NDX", package: "classic", category: "gex_full" });
    controller.chooseFeed({ symbol: "SPX", package: "classic", category: "gex_zero" });
    controller.openDate("2025-11-13");
    expect(gone).toMatchObject([
      { from: "09:30:05", to: "09:30:25", low: 100, high: 120, strike: 110 },
      { from: "09:30:05", to: "09:30:25", low: null, high: null, strike: null },
      { from: "09:30:05", low: 100, strike: 110, date: "2025-11-13" },
    ]);
  });
  it("gives up prices where spot was not, and a strike that is none", () => {
    const link = parseState(zoomed);
    expect(fitting(link, makeView())).toMatchObject({ low: 100, high: 120, strike: 110 });
    expect(fitting({ ...link, low: 200, high: 300, strike: 111 }, makeView())).toMatchObject({ from: "09:30:05", low: null, high: null, strike: null });
  });
});
