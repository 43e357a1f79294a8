// Gives a key to the Prefect client that waits for it on this computer, or tells it that there is none.
"use strict";

document.addEventListener("DOMContentLoaded", async () => {
  const place = document.querySelector("[data-callback]");
  const { callback, key, reason } = place.dataset;
  const show = (told) => { for (const part of place.querySelectorAll("[data-told]")) part.hidden = !told.includes(part.dataset.told); };
  const [path, facts] = key ? ["success", { api_key: key }] : ["failure", { reason }];
  show([]);
  try {
    const request = { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(facts) };
    const answer = await fetch(`${callback}/${path}`, { ...request, credentials: "omit", referrerPolicy: "no-referrer", redirect: "error" });
    if (!answer.ok) throw new Error(String(answer.status));
    // It is elsewhere now, and need not stay on a page that is left open.
    delete place.dataset.key;
    place.querySelector("[data-told=by-hand]").remove();
    show(["done"]);
  } catch {
    show(["failed", "by-hand"]);
  }
});
