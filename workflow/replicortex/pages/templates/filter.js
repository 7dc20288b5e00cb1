// Filters of the scorecard. Without scripts every row is shown and the filters are not.
"use strict";
const form = document.querySelector("form.filters");
if (form) {
  const rows = Array.from(document.querySelectorAll("tr[data-paper]"));
  const told = document.getElementById("shown");
  const show = () => {
    const wanted = new FormData(form);
    let shown = 0;
    for (const row of rows) {
      const fits = ["paper", "verdict", "kind"].every(
        (name) => !wanted.get(name) || row.dataset[name] === wanted.get(name),
      );
      row.hidden = !fits;
      shown += fits;
    }
    told.textContent = `${shown} of ${rows.length} shown`;
  };
  form.hidden = false;
  form.addEventListener("change", show);
  form.addEventListener("reset", () => setTimeout(show));
  form.addEventListener("submit", (event) => event.preventDefault());
  show();
}
