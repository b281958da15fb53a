// Optional: every page works without this file. Shows .js-only parts, copies to the clipboard, plays one audio at a time,
// and prevents double submits.
document.documentElement.classList.add("js");
document.addEventListener("click", async ({ target }) => {
  const button = target.closest("[data-copy]");
  if (!button) return;
  const source = document.getElementById(button.dataset.copy);
  const label = button.querySelector("span");
  const before = button.dataset.label ??= label.textContent;
  try {
    await navigator.clipboard.writeText(source.value ?? source.textContent);
    label.textContent = "Copied";
  } catch {
    // Without HTTPS there is no clipboard: leave the text selected for Ctrl+C.
    if (source.select) source.select();
    else getSelection().selectAllChildren(source);
    label.textContent = "Press Ctrl+C";
  }
  setTimeout(() => { label.textContent = before; }, 2000);
});
document.addEventListener("play", ({ target }) => {
  document.querySelectorAll("audio").forEach((audio) => { if (audio !== target) audio.pause(); });
}, true);
// A second click must not submit a form whose response is only shown once.
document.addEventListener("submit", (event) => {
  const form = event.target.closest("[data-once]");
  if (!form) return;
  if (form.dataset.sent) event.preventDefault();
  form.dataset.sent = "1";
});
addEventListener("pageshow", () => document.querySelectorAll("[data-sent]").forEach((form) => { delete form.dataset.sent; }));
// The theme changes immediately; the cookie is for the next page.
document.addEventListener("submit", (event) => {
  const form = event.target.closest("[data-theme-switch]");
  if (!form) return;
  event.preventDefault();
  const theme = event.submitter.value;
  if (theme === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  document.querySelectorAll("[data-theme-switch] button").forEach((button) => {
    button.setAttribute("aria-pressed", String(button.value === theme));
  });
  fetch(form.action, { method: "POST", body: new URLSearchParams({ theme }) });
});
document.addEventListener("keydown", ({ key }) => {
  if (key === "Escape") document.querySelectorAll(".menu[open]").forEach((menu) => { menu.open = false; });
});
