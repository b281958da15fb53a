// Optional features of the playground: filter voices by typing, show the speed as a number, submit with Ctrl+Enter.
const all = new Map(); // select → every group with its options, as the server sent them
document.addEventListener("input", ({ target }) => {
  if (target.dataset.filters) {
    const select = document.getElementById(target.dataset.filters);
    if (!all.has(select)) all.set(select, [...select.children].map((group) => [group, [...group.children]]));
    const words = target.value.toLowerCase().split(/\s+/).filter(Boolean);
    const chosen = select.selectedOptions[0];
    for (const [group, options] of all.get(select)) {
      const found = options.filter((option) => {
        const text = `${group.label} ${option.text} ${option.value}`.toLowerCase();
        return words.every((word) => text.includes(word));
      });
      group.replaceChildren(...found);
    }
    const groups = all.get(select).map(([group]) => group).filter((group) => group.children.length);
    select.replaceChildren(...groups);
    const still = [...select.options].includes(chosen) ? chosen : select.options[0];
    if (still) still.selected = true;
    return; // htmx asks for the price of what is chosen now
  }
  const output = document.querySelector(`[data-shows="${target.id}"]`);
  if (target.id && output) output.textContent = `${Number(target.value).toFixed(2).replace(/0$/, "")}×`;
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
  const form = event.target.closest?.("#speech");
  if (form) form.requestSubmit();
});
// Moves the focus to a form that was returned with errors.
document.addEventListener("htmx:afterSwap", () => document.querySelector("#playground [role=alert] a")?.focus());
