// Comfort only: every page works without this file. Shows .js-only parts, copies, plays one sound at a time.
document.documentElement.classList.add("js");
document.addEventListener("click", async ({ target }) => {
  const button = target.closest("[data-copy]");
  if (!button) return;
  const label = button.querySelector("span");
  const before = button.dataset.label ??= label.textContent;
  try {
    await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent);
    label.textContent = "Copied";
  } catch {
    // No clipboard without HTTPS: leave the text selected, ready for the keyboard.
    getSelection().selectAllChildren(document.getElementById(button.dataset.copy));
    label.textContent = "Press Ctrl+C";
  }
  setTimeout(() => { label.textContent = before; }, 2000);
});
document.addEventListener("play", ({ target }) => {
  document.querySelectorAll("audio").forEach((audio) => { if (audio !== target) audio.pause(); });
}, true);
