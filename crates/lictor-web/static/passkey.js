// Asks the browser for passkeys, which nothing but a script can: each form says what to ask, and takes the answer along.
"use strict";

(() => {
  const decode = (text) => Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (letter) => letter.charCodeAt(0));
  const encode = (bytes) => btoa(String.fromCharCode(...new Uint8Array(bytes))).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
  const known = (list) => list?.map((each) => ({ ...each, id: decode(each.id) }));

  async function make(asked) {
    const publicKey = {
      ...asked,
      challenge: decode(asked.challenge),
      user: { ...asked.user, id: decode(asked.user.id) },
      excludeCredentials: known(asked.excludeCredentials) ?? [],
    };
    const made = await navigator.credentials.create({ publicKey });
    const { attestationObject, clientDataJSON } = made.response;
    return { ...named(made), response: { attestationObject: encode(attestationObject), clientDataJSON: encode(clientDataJSON), transports: made.response.getTransports?.() } };
  }

  async function show(asked) {
    const publicKey = { ...asked, challenge: decode(asked.challenge), allowCredentials: known(asked.allowCredentials) ?? [] };
    const shown = await navigator.credentials.get({ publicKey });
    const { authenticatorData, clientDataJSON, signature, userHandle } = shown.response;
    const response = { authenticatorData: encode(authenticatorData), clientDataJSON: encode(clientDataJSON), signature: encode(signature) };
    return { ...named(shown), response: { ...response, userHandle: userHandle ? encode(userHandle) : null } };
  }

  const named = (credential) => ({ id: credential.id, rawId: encode(credential.rawId), type: credential.type, extensions: {} });

  function prepare(form) {
    const problem = form.querySelector("[data-problem]");
    form.addEventListener("submit", async (event) => {
      if (form.elements.answer.value) return;
      event.preventDefault();
      problem.textContent = "";
      try {
        const asked = JSON.parse(form.dataset.options).publicKey;
        form.elements.answer.value = JSON.stringify(await (form.dataset.passkey === "make" ? make(asked) : show(asked)));
      } catch (error) {
        problem.textContent = error.name === "InvalidStateError" ? "This device has a passkey for this account already." : "No passkey came from the browser. Try again, or choose another way.";
        return;
      }
      form.requestSubmit();
    });
    form.hidden = false;
  }

  document.addEventListener("DOMContentLoaded", () => {
    if (!window.PublicKeyCredential) return;
    document.querySelectorAll("form[data-passkey]").forEach(prepare);
    document.querySelectorAll("[data-without-passkeys]").forEach((element) => { element.hidden = true; });
  });
})();
