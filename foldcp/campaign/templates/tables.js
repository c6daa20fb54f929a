"use strict";
// Tables sort by a click on a heading, and long ones can be filtered. A table with more rows than the page holds
// as HTML has all of them as data; rows are made from it when they are to be seen.
(() => {
  const LONG = 15;
  const STEP = 100;

  // Numbers are written as the page's Python writes them.
  const number = (value, digits) => {
    if (value === null) return "–";
    if (value === Infinity) return "∞";
    if (digits === 0) return Math.round(value).toString().replace(/\B(?=(\d{3})+(?!\d))/g, "\u202f");
    if (value !== 0 && Math.abs(value) < 10 ** -digits) return value.toExponential(1);
    return value.toFixed(digits);
  };

  const interval = (cell, digits) => {
    if (!cell) return "–";
    const [value, low, high] = cell.map((end) => number(end, digits));
    return cell[1] === null || cell[2] === null ? value : `${value} (${low}–${high})`;
  };

  const element = (tag, className, text) => {
    const made = document.createElement(tag);
    if (className) made.className = className;
    if (text !== undefined) made.textContent = text;
    return made;
  };

  const nameCell = ([text, link, also, details]) => {
    const cell = element("td", "id", link ? undefined : text);
    if (link) cell.append(Object.assign(element("a", "", text), { href: link }));
    if (details !== null) {
      const look = Object.assign(element("button", "look", "look"), { type: "button" });
      look.dataset.details = details;
      look.setAttribute("aria-label", `Look at ${text}`);
      cell.append(" ", look);
    }
    const more = also.length > 5 ? ` and ${also.length - 5} more` : "";
    if (also.length) cell.append(element("span", "also", `also ${also.slice(0, 5).join(", ")}${more}`));
    return cell;
  };

  const makeCell = (value, { kind, digits }) => {
    if (kind === "name") return nameCell(value);
    if (kind === "number") return element("td", "num", number(value, digits));
    if (kind === "interval") return element("td", "num", interval(value, digits));
    return element("td", kind, value);
  };

  // JSON has no infinity, so it comes as text.
  const real = (value) => (value === null ? null : Number(value));
  const read = (cell, { kind }) => {
    if (kind === "number") return real(cell);
    return kind === "interval" && cell ? cell.map(real) : cell;
  };

  // A row: what its cells are sorted by, the text that a filter searches, and its element.
  const rowOfData = (columns) => (packed) => {
    const cells = packed.map((cell, k) => read(cell, columns[k]));
    const keys = cells.map((cell) => (Array.isArray(cell) ? cell[0] : cell) ?? "");
    const words = cells.map((cell) => (Array.isArray(cell) ? [cell[0], ...(cell[2]?.length ? cell[2] : [])] : [cell]));
    const row = { keys, text: words.flat().join(" ").toLowerCase() };
    row.element = () => {
      const made = document.createElement("tr");
      made.append(...cells.map((cell, k) => makeCell(cell, columns[k])));
      row.element = () => made;
      return made;
    };
    return row;
  };

  const rowOfPage = (tr) => ({
    keys: Array.from(tr.cells, (cell) => {
      const value = cell.dataset.value ?? cell.querySelector("a")?.textContent ?? cell.textContent.trim();
      return cell.dataset.value ? Number(value) : value;
    }),
    text: tr.textContent.toLowerCase(),
    element: () => tr,
  });

  // Empty cells go last in either direction.
  const collator = new Intl.Collator(undefined, { numeric: true });
  const compare = (a, b, sign) => {
    if (a === "" || b === "") return (a === "") - (b === "");
    return sign * (typeof a === "number" ? (a > b) - (a < b) : collator.compare(a, b));
  };

  const set = (grid) => {
    const table = grid.querySelector("table");
    const body = table.tBodies[0];
    const data = grid.querySelector("script");
    const parsed = data && JSON.parse(data.textContent);
    const rows = parsed ? parsed.rows.map(rowOfData(parsed.columns)) : Array.from(body.rows, rowOfPage);
    let found = rows;
    let shown = parsed ? body.rows.length : rows.length;

    const more = element("button", "more", "");
    more.type = "button";
    const show = () => {
      body.replaceChildren(...found.slice(0, shown).map((row) => row.element()));
      if (!parsed) return;
      more.hidden = shown >= found.length;
      more.textContent = `Show ${Math.min(STEP, found.length - shown)} more`;
      const count = number(Math.min(shown, found.length), 0);
      grid.querySelector(".count").textContent = `${count} of ${number(found.length, 0)} rows shown.`;
    };
    more.addEventListener("click", () => {
      shown += STEP;
      show();
    });

    const sort = (heading) => {
      const column = heading.cellIndex;
      const current = heading.getAttribute("aria-sort");
      const first = heading.classList.contains("num") ? "descending" : "ascending";
      const next = current ? (current === "ascending" ? "descending" : "ascending") : first;
      for (const other of heading.parentNode.cells) other.removeAttribute("aria-sort");
      heading.setAttribute("aria-sort", next);
      const sign = next === "ascending" ? 1 : -1;
      rows.sort((a, b) => compare(a.keys[column], b.keys[column], sign));
      filter();
    };

    const input = element("input", "filter");
    const filter = () => {
      const wanted = input.value.toLowerCase();
      found = wanted ? rows.filter((row) => row.text.includes(wanted)) : rows;
      show();
    };

    for (const heading of table.tHead.rows[0].cells) {
      heading.querySelector("button").addEventListener("click", () => sort(heading));
    }
    if (rows.length > LONG) {
      Object.assign(input, { type: "search", placeholder: "Filter rows" });
      input.setAttribute("aria-label", `Filter: ${table.getAttribute("aria-label")}`);
      input.addEventListener("input", filter);
      grid.prepend(input);
    }
    if (parsed) {
      grid.querySelector(".count").before(more);
      show();
    }
  };

  for (const grid of document.querySelectorAll(".grid")) set(grid);
})();
