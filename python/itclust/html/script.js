// Sorting by a column and showing only what is to be looked at; without it the page is complete.
const table = document.getElementById("clusters");
const body = table.tBodies[0];
const value = (row, i) => row.cells[i].dataset.value ?? row.cells[i].textContent.trim();
const compare = (a, b) => (a !== "" && b !== "" && !isNaN(a) && !isNaN(b) ? a - b : String(a).localeCompare(String(b)));

table.querySelectorAll("thead button").forEach((button) => {
  const head = button.closest("th");
  button.addEventListener("click", () => {
    const sign = head.getAttribute("aria-sort") === "ascending" ? -1 : 1;
    table.querySelectorAll("th[aria-sort]").forEach((th) => th.removeAttribute("aria-sort"));
    head.setAttribute("aria-sort", sign > 0 ? "ascending" : "descending");
    const i = head.cellIndex;
    body.append(...[...body.rows].sort((a, b) => sign * compare(value(a, i), value(b, i))));
  });
});

document.getElementById("filter").addEventListener("change", (event) => {
  for (const row of body.rows) row.hidden = event.target.checked && row.dataset.verdict === "trust";
});
