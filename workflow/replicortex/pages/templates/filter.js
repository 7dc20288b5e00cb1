// Search and filters of claims and figures. Without scripts everything is shown and the form is not.
"use strict";
const form = document.querySelector("form.filters");
if (form) {
  const plain = (text) => text.normalize("NFKD").replace(/[\u0300-\u036f]/g, "").toLowerCase();
  const items = Array.from(document.querySelectorAll("[data-item]"), (item) => ({
    item, text: plain(item.textContent), data: item.dataset,
  }));
  const groups = Array.from(document.querySelectorAll("[data-group]"));
  const folds = Array.from(document.querySelectorAll("[data-group] details"));
  const status = document.getElementById("shown");
  const nothing = document.getElementById("nothing");
  const some = (part) => part.querySelector("[data-item]:not([hidden])") !== null;
  const show = () => {
    const wanted = new FormData(form);
    const words = plain(wanted.get("q") || "").split(/\s+/).filter(Boolean);
    const chosen = ["paper", "verdict", "kind"].filter((name) => wanted.get(name));
    let shown = 0;
    for (const { item, text, data } of items) {
      const fits =
        chosen.every((name) => data[name] === wanted.get(name)) &&
        words.every((word) => text.includes(word));
      item.hidden = !fits;
      shown += fits;
    }
    const narrowed = words.length + chosen.length > 0;
    for (const group of groups) group.hidden = narrowed && !some(group);
    for (const fold of folds) {
      fold.hidden = narrowed && !some(fold);
      fold.open = narrowed && some(fold);
    }
    for (const table of document.querySelectorAll("[data-group] table")) table.hidden = !some(table);
    if (nothing) nothing.hidden = shown > 0;
    status.textContent = `${shown} of ${items.length} shown`;
  };
  // The first page's search and its counts lead here with what they ask for.
  for (const [name, value] of new URLSearchParams(location.search)) {
    if (form.elements[name]) form.elements[name].value = value;
  }
  form.hidden = false;
  for (const each of ["input", "change"]) form.addEventListener(each, show);
  form.addEventListener("reset", () => setTimeout(show));
  form.addEventListener("submit", (event) => event.preventDefault());
  show();
  // A link to a claim that is folded opens what it lies in.
  const unfold = () => {
    const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    const fold = target && target.closest("details");
    if (fold) fold.open = true;
    if (target) target.scrollIntoView();
  };
  addEventListener("hashchange", unfold);
  if (location.hash) unfold();
}
