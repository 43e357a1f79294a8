// What does Prefect's own UI learn from Lictor? Who is signed in, why something was refused, and where to sign in again.
//
// The first script of every page of UI v1 and v2, so that it stands before their requests. It touches nothing of theirs but
// `fetch` and `XMLHttpRequest`, and looks at no answer that does not carry Lictor's own header.
(() => {
  "use strict";
  const REASON = "x-lictor-reason";
  // Where clients find us: `/`, or a path of the public URL.
  const base = new URL("..", document.currentScript.src);
  const at = (path) => new URL(path, base).href;
  // Where this page's workspace is there, when it has a path of its own: `/team-a`.
  const own = document.currentScript.dataset.workspace ?? "";

  // Of a time when this address led to Prefect itself. Its UI would send it with every request.
  try {
    localStorage.removeItem("prefect-password");
  } catch {
    // A browser that stores nothing has nothing to remove.
  }

  // --- leaving for a page of Lictor's, and coming back ---

  let leaving = false;
  function leaveFor(page) {
    if (leaving) return;
    leaving = true;
    const prefix = base.pathname.slice(0, -1);
    const path = location.pathname.startsWith(base.pathname) ? location.pathname.slice(prefix.length) : location.pathname;
    location.assign(at(`${page}?next=${encodeURIComponent(path + location.search + location.hash)}`));
  }

  // Whether the person must go elsewhere first; then the UI never hears of this answer, and shows no error.
  function isForLater(status, reason) {
    if (status === 401) leaveFor("lictor/sign-in");
    else if (reason === "password-change-required") leaveFor("lictor/account/password");
    else return false;
    return true;
  }

  const plainFetch = window.fetch;
  window.fetch = async function fetch(...asked) {
    const answer = await plainFetch.apply(this, asked);
    const reason = answer.type === "basic" ? answer.headers.get(REASON) : null;
    if (reason && isForLater(answer.status, reason)) return new Promise(() => {});
    if (reason && answer.status === 403) answer.clone().json().then(tell, () => {});
    return answer;
  };

  window.XMLHttpRequest = class XMLHttpRequest extends window.XMLHttpRequest {
    constructor(...options) {
      super(...options);
      // Added before any other, and so called before any other.
      const first = (event) => {
        if (this.readyState !== 4 || new URL(this.responseURL || "x:", location.href).origin !== location.origin) return;
        const reason = this.getResponseHeader(REASON);
        if (reason && isForLater(this.status, reason)) event.stopImmediatePropagation();
        else if (reason && this.status === 403 && event.type === "load") tell(bodyOf(this));
      };
      for (const name of ["readystatechange", "load", "loadend"]) this.addEventListener(name, first);
    }
  };

  function bodyOf(request) {
    try {
      return request.responseType === "json" ? request.response : JSON.parse(request.responseText);
    } catch {
      return null;
    }
  }

  // --- small things ---

  function element(name, attributes, ...children) {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    made.append(...children);
    return made;
  }

  // A place of our own beside Prefect's root: neither's styles reach the other's.
  function place(name, ...children) {
    const host = element(name, {});
    const root = host.attachShadow({ mode: "open" });
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(STYLE);
    root.adoptedStyleSheets = [sheet];
    root.append(...children);
    const follow = () => host.toggleAttribute("dark", document.documentElement.classList.contains("dark"));
    new MutationObserver(follow).observe(document.documentElement, { attributes: true, attributeFilter: ["class"] });
    follow();
    return host;
  }

  const ready = new Promise((go) => {
    if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", go, { once: true });
    else go();
  });

  // --- the note: why something was refused ---

  const shown = element("div", { class: "texts" });
  const dismiss = element("button", { type: "button", class: "dismiss" }, "Dismiss");
  const note = element("section", { class: "note", "aria-label": "Refused by Lictor", hidden: "" }, shown, dismiss);
  // Texts that were dismissed stay away while the page only asks again by itself.
  const dismissed = new Set();
  let noteHost = null;
  let lastAct = 0;
  for (const name of ["pointerdown", "keydown"]) {
    document.addEventListener(name, (event) => {
      if (event.target !== noteHost) lastAct = Date.now();
    }, { capture: true, passive: true });
  }

  // Waits for Prefect's UI to say it itself: what it tells is not told twice.
  function tell(body) {
    const text = typeof body?.detail === "string" ? body.detail : "";
    const isAsked = Date.now() - lastAct < 3000;
    if (!text || (dismissed.has(text) && !isAsked)) return;
    setTimeout(async () => {
      await ready;
      const isThere = [...shown.children].some((line) => line.textContent === text);
      if (!isThere && !document.body.textContent.includes(text)) show(text);
    }, 600);
  }

  function show(text) {
    if (!noteHost) {
      noteHost = place("lictor-note", note);
      document.body.append(noteHost);
    }
    dismissed.delete(text);
    note.hidden = false;
    // Made anew each time, so that a screen reader says it.
    shown.append(element("p", { role: "alert" }, text));
    while (shown.children.length > 3) shown.firstChild.remove();
  }

  function close() {
    for (const line of shown.children) dismissed.add(line.textContent);
    shown.replaceChildren();
    note.hidden = true;
  }
  dismiss.addEventListener("click", close);
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !note.hidden) close();
  });

  // --- the badge: who is signed in, and where else ---

  function switcher(workspaces) {
    if (workspaces.length < 2) return [];
    const link = ({ name, link, is_here: isHere }) =>
      element("li", {}, element("a", { class: "item", href: link, ...(isHere && { "aria-current": "true" }) }, name));
    return [element("p", { class: "muted", id: "workspaces" }, "Workspaces"), element("ul", { "aria-labelledby": "workspaces" }, ...workspaces.map(link))];
  }

  // Told on the page for as long as it lasts, and ended from there.
  function viewing(name) {
    const words = element("p", {}, "You see what ", element("strong", {}, name), " sees, and change nothing.");
    const stop = element("form", { method: "post", action: at("lictor/view-as/end") }, element("button", { type: "submit", class: "dismiss" }, "Stop viewing"));
    document.body.append(place("lictor-viewing", element("aside", { class: "viewing", "aria-label": "View as" }, words, stop)));
    note.classList.add("raised");
  }

  function badge(me) {
    if (me.viewing) viewing(me.viewing);
    const roles = me.roles.length > 0 ? me.roles.join(", ") : "no role";
    const lines = element("span", { class: "lines" }, element("span", { class: "name" }, me.name), element("span", { class: "muted" }, me.viewing ? `as ${me.viewing}: ${roles}` : roles));
    const button = element("button", { type: "button", class: "who", "aria-expanded": "false", "aria-controls": "menu" },
      element("span", { class: "letter", "aria-hidden": "true" }, me.name.slice(0, 1).toUpperCase()), element("span", { class: "unseen" }, "Signed in as "), lines);
    const menu = element("div", { id: "menu", class: "menu", hidden: "" },
      element("p", {}, "Signed in as ", element("strong", {}, me.name)),
      ...(me.viewing ? [element("p", {}, "Viewing as ", element("strong", {}, me.viewing))] : []),
      element("p", { class: "muted" }, `${me.roles.length > 1 ? "Roles" : "Role"} in ${me.workspace}: ${roles}`),
      ...switcher(me.workspaces),
      element("a", { class: "item", href: at("lictor/account") }, "Account"),
      ...(me.administers ? [element("a", { class: "item", href: at("lictor/admin") }, "Administration")] : []),
      element("form", { method: "post", action: at("lictor/sign-out") }, element("button", { type: "submit", class: "item" }, "Sign out")));
    const host = place("lictor-badge", element("aside", { class: "badge", "aria-label": "Lictor" }, button, menu));

    const items = () => [...menu.querySelectorAll(".item")];
    const open = (isOpen) => {
      menu.hidden = !isOpen;
      button.setAttribute("aria-expanded", String(isOpen));
    };
    button.addEventListener("click", () => open(menu.hidden));
    host.shadowRoot.addEventListener("keydown", (event) => {
      const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
      if (event.key === "Escape" && !menu.hidden) {
        // Ours alone: a dialog of Prefect's would close with it.
        event.stopPropagation();
        open(false);
        button.focus();
      } else if (step) {
        event.preventDefault();
        open(true);
        const all = items();
        const from = all.indexOf(host.shadowRoot.activeElement);
        all[(from < 0 && step < 0 ? all.length - 1 : from + step + all.length) % all.length].focus();
      }
    });
    host.addEventListener("focusout", (event) => {
      if (event.relatedTarget && event.relatedTarget !== host) open(false);
    });
    document.addEventListener("pointerdown", (event) => {
      if (event.target !== host) open(false);
    });
    // First, as it is the first thing on the page to look at.
    document.body.prepend(host);
  }

  Promise.all([plainFetch(at(`${own.slice(1)}${own && "/"}lictor/me`), { headers: { accept: "application/json" } }), ready]).then(async ([answer]) => {
    if (answer.ok) badge(await answer.json());
    else isForLater(answer.status, answer.headers.get(REASON));
  }, () => {
    // Lictor is away: so is everything else on this page, which says so.
  });

  const STYLE = `
    :host {
      --back: #fff; --fore: #161618; --muted: #51545e; --line: #bbbec9; --hover: #d9dadd; --ring: #1a45ef; --mark: #163aca; --edge: #b42318;
      all: initial;
    }
    :host([dark]) { --back: #35363b; --fore: #fff; --muted: #c7c7c7; --line: #4d4f56; --hover: #46474d; --ring: #94bbf9; --mark: #3f62ea; --edge: #ff9a92; }
    * { box-sizing: border-box; margin: 0; }
    [hidden] { display: none !important; }
    .badge, .note { position: fixed; pointer-events: auto; color: var(--fore); font: 500 13px/18px Geist, "Inter Variable", system-ui, sans-serif; }
    .badge { z-index: 40; left: 68px; top: 13px; width: 172px; }
    .who { display: flex; align-items: center; gap: 8px; width: 100%; padding: 4px 6px; text-align: left; background: none; border: 0; border-radius: 6px; }
    .who, .item, .dismiss { font: inherit; color: inherit; cursor: pointer; }
    .who:hover, .who[aria-expanded="true"], .item:hover, .dismiss:hover { background: var(--hover); }
    :focus-visible { outline: 2px solid var(--ring); outline-offset: 1px; }
    .letter { flex: none; width: 26px; height: 26px; border-radius: 50%; background: var(--mark); color: #fff; text-align: center; line-height: 26px; font-weight: 600; }
    .lines { min-width: 0; }
    .lines > * { display: block; overflow: hidden; white-space: nowrap; text-overflow: ellipsis; }
    .name { line-height: 16px; }
    .muted { color: var(--muted); font-size: 11px; line-height: 14px; }
    .unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
    .menu { position: absolute; left: -52px; top: calc(100% + 4px); width: 232px; padding: 6px; background: var(--back); border: 1px solid var(--line); border-radius: 8px; box-shadow: 0 4px 12px rgb(0 0 0 / 20%); }
    .menu p { padding: 4px 10px; overflow-wrap: anywhere; }
    .menu .muted { padding-top: 0; font-size: 12px; line-height: 16px; }
    .item { display: block; width: 100%; padding: 7px 10px; text-align: left; text-decoration: none; background: none; border: 0; border-radius: 6px; }
    .menu ul { max-height: 40vh; padding: 0; overflow-y: auto; list-style: none; }
    .menu .item[aria-current] { font-weight: 700; }
    .menu .item[aria-current]::after { content: " ✓"; }
    .menu > a.item { margin-top: 4px; border-top: 1px solid var(--line); border-radius: 0 0 6px 6px; }
    .menu > a.item + a.item { margin-top: 0; border-top: 0; }
    .note { z-index: 2147483000; left: 50%; bottom: 16px; transform: translateX(-50%); display: flex; align-items: flex-start; gap: 12px; width: max-content; max-width: min(560px, calc(100vw - 32px)); padding: 12px 12px 12px 16px; background: var(--back); border: 1px solid var(--line); border-left: 4px solid var(--edge); border-radius: 8px; box-shadow: 0 4px 16px rgb(0 0 0 / 25%); }
    .note.raised { bottom: 60px; }
    .viewing { position: fixed; z-index: 2147483000; left: 0; right: 0; bottom: 0; pointer-events: auto; display: flex; flex-wrap: wrap; gap: 4px 12px; align-items: center; justify-content: center; padding: 6px 12px; color: #fff; background: #163aca; font: 500 13px/18px Geist, "Inter Variable", system-ui, sans-serif; }
    .viewing .dismiss { border-color: #fff; }
    .viewing .dismiss:hover { color: #163aca; background: #fff; }
    .texts { display: grid; gap: 6px; padding: 4px 0; overflow-wrap: anywhere; }
    .dismiss { flex: none; padding: 4px 10px; background: none; border: 1px solid var(--line); border-radius: 6px; font-size: 12px; }
    /* Beside the logo there is room at every width; where the page scrolls under it, it must be readable. */
    @media (max-width: 1023px) { .badge { top: 8px; } }
    @media (max-width: 767px) { .who { background: var(--back); } }
    @media print { .badge, .note, .viewing { display: none; } }
    @media (prefers-contrast: more) { .badge .who, .note { border: 1px solid currentColor; } }
  `;
})();
