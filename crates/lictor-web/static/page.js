// Makes the pages handier: Prefect's choice of theme, copying, showing a password. Without it everything works as well.
"use strict";

(() => {
  const root = document.documentElement;

  // Prefect's UI on this origin keeps its choice here; "system" or nothing is left to the style sheet.
  function followTheme() {
    let chosen = null;
    try {
      chosen = localStorage.getItem("vite-ui-theme");
    } catch {
      // Storage is closed to this page: the system's choice stands.
    }
    if (chosen === "light" || chosen === "dark") root.dataset.theme = chosen;
    else delete root.dataset.theme;
  }

  function button(text, label) {
    const made = document.createElement("button");
    made.type = "button";
    made.className = "quiet";
    made.textContent = text;
    made.setAttribute("aria-label", label);
    return made;
  }

  // The clipboard is open to pages over TLS and on this machine; elsewhere the text is selected and copied the old way.
  async function copy(element) {
    const range = document.createRange();
    range.selectNodeContents(element);
    const selection = getSelection();
    selection.removeAllRanges();
    selection.addRange(range);
    if (navigator.clipboard) await navigator.clipboard.writeText(element.textContent);
    else if (!document.execCommand("copy")) throw new Error("not copied");
  }

  function addCopyButton(element, status) {
    const label = element.dataset.copy;
    const made = button("Copy", `Copy ${label}`);
    made.addEventListener("click", async () => {
      const said = await copy(element).then(() => "Copied", () => "Press Ctrl+C");
      made.textContent = said;
      status.textContent = `${said}: ${label}`;
      setTimeout(() => { made.textContent = "Copy"; }, 2000);
    });
    element.parentElement.append(made);
  }

  function addRevealButton(input) {
    const label = document.querySelector(`label[for="${input.id}"]`)?.textContent ?? "password";
    const made = button("Show", `Show ${label.toLowerCase()}`);
    made.setAttribute("aria-pressed", "false");
    made.addEventListener("click", () => {
      const shown = input.type === "password";
      input.type = shown ? "text" : "password";
      made.textContent = shown ? "Hide" : "Show";
      made.setAttribute("aria-pressed", String(shown));
    });
    // What is sent is a password again, so that no browser keeps it among ordinary words.
    input.form?.addEventListener("submit", () => { input.type = "password"; });
    const around = document.createElement("div");
    around.className = "with-button";
    input.replaceWith(around);
    around.append(input, made);
  }

  // A field that only one choice of a list needs is shown with that choice.
  function showWithChoice(field) {
    const [name, value] = field.dataset.when.split("=");
    const list = document.querySelector(`select[name="${name}"]`);
    const update = () => { field.hidden = list.value !== value; };
    list.addEventListener("change", update);
    update();
  }

  followTheme();
  addEventListener("storage", followTheme);
  document.addEventListener("DOMContentLoaded", () => {
    const status = document.createElement("p");
    status.className = "unseen";
    status.setAttribute("role", "status");
    document.body.append(status);
    const focused = document.activeElement;
    document.querySelectorAll("input[type=password]").forEach(addRevealButton);
    document.querySelectorAll("[data-copy]").forEach((element) => addCopyButton(element, status));
    document.querySelectorAll("[data-when]").forEach(showWithChoice);
    if (focused instanceof HTMLInputElement) focused.focus();
  });
})();
