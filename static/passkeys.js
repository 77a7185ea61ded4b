// Passkeys: asks the browser for one when a form of them is sent, and sends what it answers along.
(() => {
  const WORDS = {
    NotAllowedError: "That was broken off, or took too long. Nothing was changed; try again.",
    InvalidStateError: "This device has a passkey for your account already.",
    SecurityError: "Passkeys belong to the address that people open the portal by, and this is another one.",
  };

  const ask = async (form) => {
    const kind = form.dataset.passkey;
    if (kind === "sign-in") {
      const answer = await fetch(form.action, { headers: { Accept: "application/json" } });
      if (!answer.ok) throw new Error("The portal did not answer. Wait a minute, then try again.");
      const { request_options: options } = await answer.json();
      return navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(options.publicKey) });
    }
    const { publicKey: options } = JSON.parse(document.getElementById(form.dataset.options).textContent);
    if (kind === "get") {
      return navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(options) });
    }
    if (form.elements.passwordless?.checked) {
      Object.assign(options.authenticatorSelection, {
        residentKey: "required", requireResidentKey: true, userVerification: "required",
      });
    }
    return navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(options) });
  };

  const send = async (form) => {
    const error = form.querySelector("[data-passkey-error]");
    error.hidden = true;
    try {
      const credential = await ask(form);
      form.elements.credential.value = JSON.stringify(credential.toJSON());
      form.submit();
    } catch (reason) {
      error.textContent = WORDS[reason.name] ?? reason.message;
      error.hidden = false;
    }
  };

  const able = Boolean(window.PublicKeyCredential?.parseCreationOptionsFromJSON);
  document.querySelectorAll("form[data-passkey]").forEach((form) => {
    if (able) form.hidden = false;
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      if (able) send(form);
    });
    if (able || form.hidden) return;
    const error = form.querySelector("[data-passkey-error]");
    error.textContent = "This browser does not know passkeys, or not yet: take a newer one.";
    error.hidden = false;
  });
})();
