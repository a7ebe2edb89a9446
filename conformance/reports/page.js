"use strict";
// Reading needs none of this. It filters the failures, and opens what a link leads to.
const filter = document.getElementById("filter");
const failures = [...document.querySelectorAll(".failure")];

function apply() {
  const chosen = new FormData(filter);
  const connector = chosen.get("connector");
  const levels = chosen.getAll("level");
  const isWanted = (one) => (!connector || one.dataset.connector === connector) && levels.includes(one.dataset.level);
  for (const one of failures) one.hidden = !isWanted(one);
  for (const group of document.querySelectorAll(".connector, .capability"))
    group.hidden = !group.querySelector(".failure:not([hidden])");
  const shown = failures.filter((one) => !one.hidden).length;
  filter.querySelector("output").textContent = `${shown} of ${failures.length} shown`;
}

function reveal() {
  const target = document.getElementById(location.hash.slice(1));
  if (!target) return;
  if (filter && target.closest("[hidden]")) {
    filter.reset();
    apply();
  }
  for (let one = target; one; one = one.parentElement) if (one.tagName === "DETAILS") one.open = true;
  target.scrollIntoView();
}

if (filter) {
  filter.hidden = false;
  filter.addEventListener("change", apply);
  filter.addEventListener("submit", (event) => event.preventDefault());
  apply();
}
// A second click on the same link changes no hash, yet the filter may have hidden its target meanwhile.
document.addEventListener("click", (event) => {
  if (event.target.closest('a[href^="#"]')) setTimeout(reveal);
});
window.addEventListener("hashchange", reveal);
reveal();
