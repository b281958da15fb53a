// Keeps the voices selected for comparison across searches and pages: adds them to every link, and to responses to
// filters that were changed before the selection.
const selected = new Set(new FormData(document.getElementById("filters")).getAll("voice"));
const show = () => {
  const form = document.getElementById("filters");
  const unseen = new Set(selected);
  for (const input of document.querySelectorAll("input[name=voice][form=filters]")) {
    if (input.type === "hidden") input.remove();
    else input.checked = selected.has(input.value);
    if (input.type === "checkbox") unseen.delete(input.value);
  }
  for (const input of form.querySelectorAll("input[name=voice]")) input.remove();
  for (const value of unseen) form.append(Object.assign(document.createElement("input"), { type: "hidden", name: "voice", value }));
  for (const link of document.querySelectorAll("main a[href]")) {
    const url = new URL(link.href);
    if (url.pathname !== location.pathname) continue;
    url.searchParams.delete("voice");
    for (const voice of selected) url.searchParams.append("voice", voice);
    link.href = url.href;
  }
};
document.addEventListener("change", ({ target }) => {
  if (!target.matches("input[type=checkbox][name=voice][form=filters]")) return;
  if (target.checked) selected.add(target.value);
  else selected.delete(target.value);
  show();
});
for (const name of ["htmx:afterSwap", "htmx:afterSettle", "htmx:historyRestore"]) document.addEventListener(name, show);
