import { describe, expect, it } from "vitest";

import { datesToChoose, dayBeside, dayInFeed, seriesToggled, seriesToShow, sessionToOpen } from "../../src/pages/session/choice";
import { typeOfCategory } from "../../src/record_types";
import { feedRow, sessionRow } from "./made";

const feeds = [feedRow("SPX", 10, "2025-11-01", "2025-11-12"), feedRow("NQ_NDX", 90)];
const [spx, ndx] = ["SPX", "NQ_NDX"].map((symbol) => ({ symbol, package: "classic", category: "gex_zero" }));

describe("what is opened first", () => {
  it("is the last session of the largest feed", () => {
    expect(sessionToOpen(feeds, null, null)).toEqual({ feed: ndx, date: "2025-11-14" });
  });
  it("is what the link names, as far as it does", () => {
    expect(sessionToOpen(feeds, spx!, null)).toEqual({ feed: spx, date: "2025-11-12" });
    expect(sessionToOpen(feeds, null, "2025-11-05")).toEqual({ feed: ndx, date: "2025-11-05" });
    const unknown = { symbol: "X", package: "classic", category: "gex_zero" };
    expect(sessionToOpen(feeds, unknown, null)).toEqual({ feed: unknown, date: "2025-11-12" });
  });
  it("is nothing in an empty lake", () => {
    expect(sessionToOpen([], ndx!, null)).toBeNull();
  });
});

it("another feed is opened at the same day, or at its last where it has none", () => {
  expect([dayInFeed(feeds, spx!, "2025-11-10"), dayInFeed(feeds, spx!, "2025-11-14"), dayInFeed(feeds, spx!, null)]).toEqual(["2025-11-10", "2025-11-12", "2025-11-12"]);
  expect(dayInFeed([], spx!, "2025-11-10")).toBeNull();
});

describe("days", () => {
  const rows = ["2025-11-14", "2025-11-10", "2025-11-12"].map((day) => sessionRow(day, day.endsWith("12") ? 2 : 0));
  it("beside another are the nearest, in whatever order they come", () => {
    expect([dayBeside(rows, "2025-11-12", 1), dayBeside(rows, "2025-11-12", -1)]).toEqual(["2025-11-14", "2025-11-10"]);
    expect([dayBeside(rows, "2025-11-14", 1), dayBeside(rows, "2025-11-10", -1), dayBeside(rows, "2025-11-13", -1)]).toEqual([null, null, "2025-11-12"]);
  });
  it("to choose from are the newest first, with the one that is open and a mark for holes", () => {
    expect(datesToChoose(rows, "2025-11-13")).toEqual([
      { date: "2025-11-14", mark: "" }, { date: "2025-11-13", mark: "" }, { date: "2025-11-12", mark: " · holes" }, { date: "2025-11-10", mark: "" }]);
    expect(datesToChoose(rows, "2025-11-14")).toHaveLength(3);
    expect(datesToChoose([], null)).toEqual([]);
  });
});

describe("series", () => {
  const [orderflow, gex] = [typeOfCategory("orderflow"), typeOfCategory("gex_zero")];
  it("are those of the link, else the last chosen ones, else the usual; never one that there is not", () => {
    expect(seriesToShow(orderflow, ["zcvr"], ["spot"])).toEqual(["zcvr"]);
    expect(seriesToShow(orderflow, null, ["spot", "gone"])).toEqual(["spot"]);
    expect(seriesToShow(orderflow, null, null)).toEqual(orderflow.usual);
    expect([seriesToShow(orderflow, [], ["spot"]), seriesToShow(gex, ["spot"], ["zcvr"])]).toEqual([[], []]);
  });
  it("come and go one by one, in the order of the list", () => {
    expect(seriesToggled(orderflow, ["zcvr", "spot"], "net_dex")).toEqual(["spot", "zcvr", "net_dex"]);
    expect(seriesToggled(orderflow, ["spot", "zcvr"], "spot")).toEqual(["zcvr"]);
  });
});
