// Picking a node of a graph: its pane is fetched and put in place, the ring moves, and Back takes it back.
// Nodes, lines of the list and the pane's own arrows are links: without this they load the page.
import { isTyping, only } from "./lib/keys.js";
import { pickedIn, sameGraph } from "./lib/nodes.js";
import { paneOf } from "./lib/rows.js";

const SVG = "http://www.w3.org/2000/svg";
const graph = document.querySelector("process-graph");
const pane = document.querySelector("[data-pane]");
const list = document.querySelector(".ptree");

const nodeNamed = (name) => graph.querySelector(`[data-node="${CSS.escape(name)}"]`);

const ringAround = (node) => {
  const box = node.querySelector(".box").getBBox();
  const ring = document.createElementNS(SVG, "rect");
  const places = { class: "ring", x: box.x - 4, y: box.y - 4, width: box.width + 8, height: box.height + 8, rx: 6 };
  for (const [name, value] of Object.entries(places)) ring.setAttribute(name, value);
  return ring;
};

// What the server picked when nothing is said, so that Back finds it again.
const first = graph?.querySelector(".node--picked")?.dataset.node ?? "";

const mark = (name) => {
  graph.querySelector(".ring")?.remove();
  graph.querySelector(".node--picked")?.classList.remove("node--picked");
  const node = nodeNamed(name);
  node?.classList.add("node--picked");
  node?.querySelector("title")?.after(ringAround(node));
  for (const old of list?.querySelectorAll(".is-target, .is-picked") ?? []) old.classList.remove("is-target", "is-picked");
  for (const link of list?.querySelectorAll("a[href]") ?? []) {
    if (pickedIn(link.href) !== name) continue;
    if (link.matches(".cat")) link.classList.add("is-picked");
    else link.closest("li").classList.add("is-target");
  }
};

let asked = null;

const show = async (href) => {
  mark(pickedIn(href) || first);
  asked?.abort();
  asked = new AbortController();
  try {
    const response = await fetch(paneOf(href), { signal: asked.signal });
    if (!response.ok) throw new Error(response.statusText);
    const fetched = new DOMParser().parseFromString(await response.text(), "text/html");
    pane.replaceChildren(...fetched.body.childNodes);
    pane.scrollTop = 0;
  } catch (error) {
    if (error.name !== "AbortError") location.assign(href); // The page itself says what is wrong.
  }
};

const onClick = (event) => {
  const link = event.target.closest("a[data-node], .ptree a, [data-pane] a[data-pick]");
  if (!link || !only(event) || event.shiftKey || event.button !== 0) return;
  const href = new URL(link.getAttribute("href"), location.href).href;
  if (!pickedIn(href) || !sameGraph(href, location.href)) return;
  event.preventDefault();
  if (href !== location.href) history.pushState(null, "", href);
  show(href);
};

if (graph && pane) {
  document.addEventListener("click", onClick);
  addEventListener("popstate", () => show(location.href));
  // The browser stops what is under way when the reader leaves: that is no reason to come back.
  addEventListener("beforeunload", () => asked?.abort());
  document.addEventListener("keydown", (event) => {
    if (!only(event) || isTyping(event.target) || document.querySelector("dialog[open]")) return;
    const where = { g: "graph", t: "table" }[event.key];
    if (where) pane.querySelector(`a[data-go=${where}]`)?.click();
  });
}
