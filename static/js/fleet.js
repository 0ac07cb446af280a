// Organization → Devices: ticking a whole page, and how many are ticked.
const form = document.querySelector(".fleet-form");
if (form) {
  const all = form.querySelector("[data-all]");
  const rows = [...form.querySelectorAll("input[name=row]")];
  const count = form.querySelector("[data-count]");
  const button = count.closest("button");
  const show = () => {
    const ticked = rows.filter((row) => row.checked).length;
    all.checked = ticked > 0 && ticked === rows.length;
    all.indeterminate = ticked > 0 && ticked < rows.length;
    count.hidden = ticked === 0;
    count.textContent = ` (${ticked})`;
    button.disabled = ticked === 0;
  };
  all.addEventListener("change", () => {
    for (const row of rows) row.checked = all.checked;
    show();
  });
  form.addEventListener("change", show);
  addEventListener("pageshow", show);
  show();
}
