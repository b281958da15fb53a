// What every page owes to whoever has no mouse or no eyes, beside what axe looks for. Returns sentences about what is wrong.
({ isPhone }) => {
  const UNFOLDS_SEARCH = "searchbar"; // named by its placeholder alone; the admin theme's own
  const problems = [];
  const isShown = (element) => element.checkVisibility({ visibilityProperty: true });
  const isOurs = (element) => !element.closest(".swagger-ui");
  const all = (selector) => [...document.querySelectorAll(selector)].filter((element) => isShown(element) && isOurs(element));
  const name = (element) => {
    const words = element.id ? `#${element.id}` : element.getAttribute("class") || element.getAttribute("name") || "";
    return `<${element.localName} ${words}> “${(element.textContent || element.value || "").trim().slice(0, 30)}”`;
  };

  const headings = all("h1").length;
  if (headings !== 1) problems.push(`${headings} h1`);
  if (!document.title.trim()) problems.push("no title");
  const wider = document.documentElement.scrollWidth - innerWidth;
  if (wider > 0) problems.push(`${wider} px wider than its screen`);

  for (const field of all("input:not([type=hidden], [type=submit], [type=button]), select, textarea")) {
    if (!field.labels?.length && !field.ariaLabel && !field.getAttribute("aria-labelledby") && field.id !== UNFOLDS_SEARCH) {
      problems.push(`no label: ${name(field)}`);
    }
  }

  // What is wrong with a form is also said in one place, with a link to each field.
  const wrong = all("[aria-invalid=true]");
  const summary = document.querySelector("[role=alert]");
  if (wrong.length && !summary) problems.push("fields are wrong and no summary says so");
  for (const field of summary ? wrong : []) {
    const isSaidOfAll = field.getAttribute("aria-describedby")?.split(" ").some((id) => summary.querySelector(`[id="${id}"]`));
    const where = field.closest("fieldset[id]")?.id;
    if (!isSaidOfAll && !summary.querySelector(`[href="#${field.id}"], [href="#${where}"]`)) {
      problems.push(`the summary does not lead to ${name(field)}`);
    }
  }
  for (const link of all("[role=alert] a[href^='#']")) {
    const target = document.getElementById(link.hash.slice(1));
    if (!target || target.tabIndex < -1 || !target.matches("input, select, textarea, [tabindex]")) {
      problems.push(`the summary leads nowhere: ${link.hash}`);
    }
  }

  // The reader has pressed Tab, so that focus is shown from here on.
  const looks = (element) => {
    const style = getComputedStyle(element);
    const ring = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0 ? style.outline : "";
    return [ring, style.boxShadow, style.borderColor].join();
  };
  for (const element of all("a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex='0']")) {
    if (element.disabled || element.closest("[inert]")) continue;
    const drawn = [element, element.nextElementSibling, element.parentElement].filter(Boolean);
    document.activeElement?.blur();
    const before = drawn.map(looks).join();
    element.focus();
    if (document.activeElement === element && drawn.map(looks).join() === before) problems.push(`focus is not seen: ${name(element)}`);
  }
  document.activeElement?.blur();

  for (const control of isPhone ? all(".btn, .play[href], input:not([type=checkbox], [type=radio], [type=hidden]), select, textarea, summary, .nav a, .menu__list button") : []) {
    const { width, height } = control.getBoundingClientRect();
    if (height < 43.9 || width < 43.9) problems.push(`${Math.round(width)} × ${Math.round(height)} px is small for a thumb: ${name(control)}`);
  }
  return problems;
}
