"use strict";
// Tables sort by a click on a heading, and long ones can be filtered; without scripts they are still complete.
(() => {
  const LONG = 15;

  const value = (row, column) => {
    const cell = row.cells[column];
    return cell.hasAttribute("data-value") ? cell.getAttribute("data-value") : cell.textContent.trim();
  };

  // Empty cells go last in either direction.
  const compare = (a, b, numeric, sign) => {
    if (a === "" || b === "") return (a === "") - (b === "");
    return sign * (numeric ? Number(a) - Number(b) : a.localeCompare(b, undefined, { numeric: true }));
  };

  const sort = (table, heading) => {
    const column = heading.cellIndex;
    const numeric = heading.classList.contains("num");
    const current = heading.getAttribute("aria-sort");
    const next = current ? (current === "ascending" ? "descending" : "ascending") : numeric ? "descending" : "ascending";
    for (const other of heading.parentNode.cells) other.removeAttribute("aria-sort");
    heading.setAttribute("aria-sort", next);
    const sign = next === "ascending" ? 1 : -1;
    const body = table.tBodies[0];
    const keyed = Array.from(body.rows, (row) => [value(row, column), row]);
    keyed.sort(([a], [b]) => compare(a, b, numeric, sign));
    body.append(...keyed.map(([, row]) => row));
  };

  const addFilter = (table) => {
    const input = document.createElement("input");
    input.type = "search";
    input.className = "filter";
    input.placeholder = "Filter rows";
    input.setAttribute("aria-label", "Filter the rows of this table");
    input.addEventListener("input", () => {
      const wanted = input.value.toLowerCase();
      for (const row of table.tBodies[0].rows) row.hidden = !row.textContent.toLowerCase().includes(wanted);
    });
    table.parentNode.before(input);
  };

  for (const table of document.querySelectorAll("table.sortable")) {
    for (const heading of table.tHead.rows[0].cells) {
      heading.querySelector("button").addEventListener("click", () => sort(table, heading));
    }
    if (table.tBodies[0].rows.length > LONG) addFilter(table);
  }
})();
