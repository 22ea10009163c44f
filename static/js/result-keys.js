// Rows of events by mouse and keys: j and k pick the next and the previous one, Enter opens, Esc closes
// the pane, g is the process graph, t the table of the hour. Rows are links: without this they still work.
import { isTyping, only } from "./lib/keys.js";
import { nextPlace, paneOf, withoutPick } from "./lib/rows.js";

const table = document.querySelector("[data-keys=rows]");
const rows = table ? [...table.querySelectorAll("tbody tr:has(a.rowlink)")] : [];
const pane = document.querySelector("event-pane");
const columns = pane?.closest(".cols");

const linkOf = (row) => row?.querySelector("a.rowlink");
const picked = () => rows.findIndex((row) => row.classList.contains("is-picked"));

const mark = (at, place) => {
  for (const [row, is] of [[rows[at], false], [rows[place], true]]) {
    row?.classList.toggle("is-picked", is);
    if (is) row?.setAttribute("aria-selected", "true");
    else row?.removeAttribute("aria-selected");
  }
};

let asked = null;

const pick = async (place) => {
  const row = rows[place];
  const link = linkOf(row);
  if (!link) return;
  if (!pane) {
    link.click(); // A page without a pane: the row's link leads to the event.
    return;
  }
  mark(picked(), place);
  row.scrollIntoView({ block: "nearest" });
  link.focus({ preventScroll: true });
  asked?.abort();
  asked = new AbortController();
  try {
    const response = await fetch(paneOf(link.href), { signal: asked.signal });
    if (!response.ok) throw new Error(response.statusText);
    const fetched = new DOMParser().parseFromString(await response.text(), "text/html");
    pane.replaceChildren(...fetched.body.childNodes);
    columns.classList.replace("cols--nopane", "cols--search");
    history.replaceState(null, "", link.href);
  } catch (error) {
    if (error.name !== "AbortError") location.assign(link.href); // The page itself says what is wrong.
  }
};

const close = () => {
  const at = picked();
  mark(at, -1);
  pane?.replaceChildren();
  columns?.classList.replace("cols--search", "cols--nopane");
  history.replaceState(null, "", withoutPick(location.href));
  linkOf(rows[at])?.blur();
};

const go = (where) => rows[picked()]?.querySelector(`a[data-go=${where}]`)?.click();

if (pane) {
  table?.addEventListener("click", (event) => {
    const row = event.target.closest("tr");
    const link = event.target.closest("a");
    const elsewhere = (link && !link.matches(".rowlink")) || !only(event) || event.shiftKey || event.button !== 0;
    if (elsewhere || !rows.includes(row) || String(getSelection())) return;
    event.preventDefault();
    if (row.classList.contains("is-picked")) close();
    else pick(rows.indexOf(row));
  });
  pane.addEventListener("click", (event) => {
    const where = event.target.closest("a[data-go]")?.dataset.go;
    if (!["newer", "older", "close"].includes(where) || !only(event)) return;
    event.preventDefault();
    if (where === "close") close();
    else pick(nextPlace(rows.length, picked(), where === "older" ? 1 : -1));
  });
}

document.addEventListener("keydown", (event) => {
  if (!rows.length || event.defaultPrevented || !only(event) || isTyping(event.target)) return;
  if (document.querySelector("dialog[open]")) return;
  if (event.key === "j" || event.key === "k") pick(nextPlace(rows.length, picked(), event.key === "j" ? 1 : -1));
  if (event.key === "Escape" && pane?.childElementCount) close();
  if (event.key === "g") go("graph");
  if (event.key === "t") go("table");
});
