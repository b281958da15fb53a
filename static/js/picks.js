// What is ticked for a comparison stays ticked on the next page, and when a filter is taken away: the links carry it.
document.addEventListener("change", ({ target }) => {
  if (!target.matches("input[name=voice][form=filters]")) return;
  const picks = new FormData(target.form).getAll("voice");
  for (const link of document.querySelectorAll("main a[href]")) {
    const url = new URL(link.href);
    if (url.pathname !== location.pathname) continue;
    url.searchParams.delete("voice");
    for (const voice of picks) url.searchParams.append("voice", voice);
    link.href = url.href;
  }
});
