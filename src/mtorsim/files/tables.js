// Tables of a page: a click on a head sorts by its column, and long tables can be filtered.
for (const table of document.querySelectorAll("table")) {
  const rows = [...table.rows], head = rows.shift();
  if (rows.length < 4) continue;
  const value = (row, k) => {
    const text = row.cells[k].textContent.trim(), number = parseFloat(text.replace(/[<,]/g, ""));
    return isNaN(number) ? text : number;
  };
  [...head.cells].forEach((cell, k) => {
    cell.setAttribute("aria-sort", "none");
    cell.tabIndex = 0;
    const sort = () => {
      const down = cell.getAttribute("aria-sort") === "ascending";
      for (const other of head.cells) other.setAttribute("aria-sort", "none");
      cell.setAttribute("aria-sort", down ? "descending" : "ascending");
      rows.sort((a, b) => {
        const x = value(a, k), y = value(b, k);
        return (x < y ? -1 : x > y ? 1 : 0) * (down ? -1 : 1);
      });
      for (const row of rows) row.parentNode.append(row);
    };
    cell.addEventListener("click", sort);
    cell.addEventListener("keydown", (event) => { if (event.key === "Enter") sort(); });
  });
  if (rows.length < 9 || document.getElementById("filter")) continue;
  const find = document.createElement("input");
  Object.assign(find, { type: "search", placeholder: "filter rows", ariaLabel: "filter rows" });
  find.addEventListener("input", () => {
    const words = find.value.toLowerCase().split(/ +/).filter(Boolean);
    for (const row of rows) row.hidden = !words.every((w) => row.textContent.toLowerCase().includes(w));
  });
  table.before(find);
}
