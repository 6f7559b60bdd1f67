import { describe, expect, it } from "vitest";

import { Navigation } from "../src/navigation";

function browser(hash: string) {
  const location = { hash };
  const history = { replaceState: (_: unknown, __: string, url?: string | URL | null) => { location.hash = String(url); } };
  return { location, navigation: new Navigation(location, history) };
}

describe("the address", () => {
  it("is kept up to date by the page that it shows", () => {
    const { location, navigation } = browser("#/session");
    navigation.replace({ page: "session", at: "10:00:00" });
    navigation.replace({ page: "session", at: "10:00:01" });
    expect(location.hash).toBe("#/session?at=10:00:01");
  });
  it("is left alone by a page that the reader is about to leave", () => {
    const { location, navigation } = browser("#/session");
    location.hash = "#/coverage"; // a link was followed, and nothing has told the page yet
    navigation.replace({ page: "session", at: "10:00:00" });
    expect(location.hash).toBe("#/coverage");
    expect(navigation.read().page).toBe("coverage");
    navigation.replace({ page: "coverage", date: "2025-11-19" });
    expect(location.hash).toBe("#/coverage?date=2025-11-19");
  });
  it("is left alone by a session that gives way to another day", () => {
    const { location, navigation } = browser("#/session?date=2025-11-19");
    expect(navigation.go({ page: "session", date: "2025-11-20" })).toBe(true);
    navigation.replace({ page: "session", date: "2025-11-19", at: "10:00:00" });
    expect(location.hash).toBe("#/session?date=2025-11-20");
  });
  it("that is there already is not led to again", () => {
    expect(browser("#/status").navigation.go({ page: "status" })).toBe(false);
  });
});
