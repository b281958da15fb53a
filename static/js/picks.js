// What is ticked for a comparison stays ticked, whatever is sought, on whichever page: kept here, and put into every
// link and into whatever comes in answer to a filter that was changed before the tick.
const picks = new Set(new FormData(document.getElementById("filters")).getAll("voice"));
const show = () => {
  const form = document.getElementById("filters");
  const unseen = new Set(picks);
  for (const input of document.querySelectorAll("input[name=voice][form=filters]")) {
    if (input.type === "hidden") input.remove();
    else input.checked = picks.has(input.value);
    if (input.type === "checkbox") unseen.delete(input.value);
  }
  for (const input of form.querySelectorAll("input[name=voice]")) input.remove();
  for (const value of unseen) form.append(Object.assign(document.createElement("input"), { type: "hidden", name: "voice", value }));
  for (const link of document.querySelectorAll("main a[href]")) {
    const url = new URL(link.href);
    if (url.pathname !== location.pathname) continue;
    url.searchParams.delete("voice");
    for (const voice of picks) url.searchParams.append("voice", voice);
    link.href = url.href;
  }
};
document.addEventListener("change", ({ target }) => {
  if (!target.matches("input[type=checkbox][name=voice][form=filters]")) return;
  if (target.checked) picks.add(target.value);
  else picks.delete(target.value);
  show();
});
for (const name of ["htmx:afterSwap", "htmx:afterSettle", "htmx:historyRestore"]) document.addEventListener(name, show);
