/** The views for when there is nothing to show: each says what is the matter and what to do. */

import { Failure, hasKey, setKey, type LakeStatus } from "./api";
import { h, setText } from "./dom";

export function notice(title: string, text: string, ...more: (Node | null)[]): HTMLElement {
  return h("section", { class: "notice", role: "alert" }, h("h2", {}, title), h("p", {}, text), ...more);
}

/** With the commands that fill this lake, as soon as it is known which it is. */
export function emptyLake(status: () => Promise<Pick<LakeStatus, "lake">>): HTMLElement {
  const commands = h("pre", {}, commandsFor("LAKE"));
  void status().then(({ lake }) => setText(commands, commandsFor(quoted(lake)))).catch(() => {});
  const view = notice(
    "The lake is empty",
    "Nothing has been imported yet. Import a folder of history, and this page fills by itself:",
    commands,
    h("p", {}, h("a", { href: "#/imports" }, "Start an import here")),
  );
  view.dataset.view = "empty";
  return view;
}

const commandsFor = (lake: string) => `gexlake import FOLDER --lake ${lake}\n\n# or synthetic history, to try things out\ngexlake sample sample --sessions 3\ngexlake import sample --lake ${lake}`;

/** As a shell reads it. */
export function quoted(path: string): string {
  return /^[\w./-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`;
}

export function noSession(message: string, near: { label: string; href: string }[]): HTMLElement {
  const view = notice(
    "No data for this day",
    message,
    h("p", {}, ...near.map(({ label, href }) => h("a", { class: "button", href }, label)), h("a", { class: "button", href: "#/coverage" }, "Coverage")),
  );
  view.dataset.view = "no-data";
  return view;
}

export function ofFailure(failure: Failure, retry: () => void): HTMLElement {
  const again = h("button", { onclick: retry }, "Try again");
  const id = failure.requestId ? h("p", { class: "dim" }, `Request ${failure.requestId}`) : null;
  const views: Record<Failure["kind"], () => HTMLElement> = {
    unauthorised: () => keyView(failure, retry),
    forbidden: () => {
      const change = h("button", { onclick: () => { setKey(""); retry(); } }, "Use another key");
      return notice("Not allowed", failure.message, h("p", {}, hasKey() ? change : again), id);
    },
    lost: () => notice("The server does not answer", "It may have been stopped, or the network is down. This page tries again by itself.", h("p", {}, again)),
    missing: () => notice("Not in the lake", [failure.message, ...failure.details.map((one) => one.message)].join(" "), h("p", {}, again), id),
    busy: () => notice("The server is busy", failure.message, h("p", {}, again), id),
    invalid: () => notice("This cannot be shown", [failure.message, ...failure.details.map((one) => `${one.parameter ?? ""}: ${one.message}`)].join(" "), h("p", {}, again), id),
    fault: () => notice("The server failed", failure.message, h("p", {}, again), id),
  };
  const view = views[failure.kind]();
  view.dataset.view = failure.kind;
  return view;
}

function keyView(failure: Failure, retry: () => void): HTMLElement {
  const input = h("input", { type: "password", id: "key", autocomplete: "off", spellcheck: "false", required: true, placeholder: "gexlake_…" });
  const form = h(
    "form",
    {
      class: "row",
      onsubmit: (event: Event) => {
        event.preventDefault();
        setKey(input.value.trim());
        retry();
      },
    },
    h("label", { for: "key" }, "API key"),
    input,
    h("button", { type: "submit", class: "primary" }, "Open"),
  );
  setTimeout(() => input.focus());
  return notice(
    "This lake needs a key",
    failure.code === "key_invalid" ? failure.message : "The key is kept in this tab only, and forgotten when it is closed.",
    form,
    h("pre", {}, "gexlake keys create --name dashboard --scope read"),
  );
}
