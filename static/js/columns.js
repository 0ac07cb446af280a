// The menu of columns: what is ticked shows. Kept as {"column": true, …} in localStorage.

const menu = document.querySelector("[data-columns][popover]");
if (menu) {
  const root = document.documentElement;
  const button = document.querySelector(`[popovertarget="${menu.id}"]`);
  const boxes = [...menu.querySelectorAll("input[type=checkbox]")];
  const open = boxes.filter((box) => !box.disabled);

  const hidden = (root.dataset.hiddenColumns ?? "").split(" ");
  for (const box of open) box.checked = !hidden.includes(box.name);

  const apply = () => {
    root.dataset.hiddenColumns = boxes.filter((box) => !box.checked).map((box) => box.name).join(" ");
    try {
      const chosen = Object.fromEntries(boxes.map((box) => [box.name, box.checked]));
      localStorage.setItem(menu.dataset.columns, JSON.stringify(chosen));
    } catch {
      // It then lasts until the next page.
    }
  };
  menu.addEventListener("change", apply);
  menu.querySelector("[data-columns-all]").addEventListener("click", () => {
    for (const box of open) box.checked = true;
    apply();
    open[0].focus();
  });

  // Below its button, whatever has scrolled; the keyboard goes on inside.
  menu.addEventListener("beforetoggle", (event) => {
    if (event.newState !== "open") return;
    const place = button.getBoundingClientRect();
    menu.style.top = `${place.bottom + scrollY + 4}px`;
    menu.style.right = `${Math.max(8, root.clientWidth - place.right)}px`;
  });
  menu.addEventListener("toggle", (event) => {
    if (event.newState === "open") open[0].focus();
  });
  menu.addEventListener("keydown", (event) => {
    const steps = { ArrowDown: 1, ArrowUp: -1 };
    const stops = [...open, menu.querySelector("[data-columns-all]")];
    const here = stops.indexOf(document.activeElement);
    let next;
    if (event.key in steps) next = stops[(here + steps[event.key] + stops.length) % stops.length];
    else if (event.key === "Home") next = stops[0];
    else if (event.key === "End") next = stops.at(-1);
    if (!next) return;
    event.preventDefault();
    next.focus();
  });
}
