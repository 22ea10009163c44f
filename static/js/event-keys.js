// One event by keys: g is the process graph, t the table of the hour around it.
import { isTyping, only } from "./lib/keys.js";

const WAYS = { g: "graph", t: "table" };

document.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || !only(event) || isTyping(event.target) || document.querySelector("dialog[open]")) return;
  if (event.key in WAYS) document.querySelector(`.links a[data-go=${WAYS[event.key]}]`)?.click();
});
