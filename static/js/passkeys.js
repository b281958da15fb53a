// Passkeys. A button with data-passkey asks the browser to "create" or "get" one and submits its form with the result.
// The options are in the button (data-options, JSON), or fetched on click (data-options-url).
const PASSKEYS = {
  create: async (options) => navigator.credentials.create({
    publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(options),
  }),
  get: async (options) => navigator.credentials.get({
    publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(options),
  }),
};
const PASSKEY_PROBLEMS = {
  InvalidStateError: "You already have a passkey on this device.",
  NotAllowedError: "The passkey request was cancelled or timed out, or this device has no passkey for this site.",
  SecurityError: "The browser does not support passkeys at this address. Passkeys require HTTPS and a host name.",
};
document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-passkey]");
  if (!button) return;
  event.preventDefault();
  if (button.disabled) return;
  button.disabled = true;
  tell(button, "");
  try {
    if (!window.PublicKeyCredential?.parseRequestOptionsFromJSON) throw new DOMException("", "SecurityError");
    const options = button.dataset.options ? JSON.parse(button.dataset.options) : await fetchOptions(button);
    const credential = await PASSKEYS[button.dataset.passkey](options);
    button.form.elements.credential.value = JSON.stringify(credential);
    button.disabled = false;
    button.form.requestSubmit(button);
  } catch (error) {
    button.disabled = false;
    tell(button, PASSKEY_PROBLEMS[error.name] ?? "Something went wrong. Reload the page and try again.");
  }
});
async function fetchOptions(button) {
  const { value } = button.form.elements.csrfmiddlewaretoken;
  const answer = await fetch(button.dataset.optionsUrl, {
    method: "POST", body: new URLSearchParams({ csrfmiddlewaretoken: value }),
  });
  if (!answer.ok) throw new Error(answer.status);
  return answer.json();
}
function tell(button, text) {
  let note = button.parentElement.querySelector("[data-passkey-problem]");
  if (!note) {
    note = Object.assign(document.createElement("p"), { className: "field__error", role: "alert" });
    note.dataset.passkeyProblem = "";
    button.after(note);
  }
  note.textContent = text;
  note.hidden = !text;
}
