// <process-graph>: zoom, pan, map and a walk by keys over the SVG that the server drew. Without it the
// frame just scrolls, and every node is a link.
import "./graph-pick.js";
import { isTyping, only } from "./lib/keys.js";
import { isArrow, nearest } from "./lib/nearest.js";
import { processAddress, toggled } from "./lib/nodes.js";
import { clampScale, fitScale, inSight, scrolledTo, wheelFactor } from "./lib/zoom.js";

class ProcessGraph extends HTMLElement {
  connectedCallback() {
    this.frame = this.querySelector("[data-canvas]");
    this.svg = this.frame?.querySelector("svg");
    if (!this.svg) return;
    this.size = { width: this.svg.width.baseVal.value, height: this.svg.height.baseVal.value };
    this.scale = 1;
    this.label = this.querySelector("[data-zoom=one]");
    this.map = this.querySelector(".minimap");
    this.view = this.map?.querySelector(".mm-view");
    this.frame.addEventListener("scroll", () => this.showMap(), { passive: true });
    this.frame.addEventListener("wheel", (event) => this.onWheel(event), { passive: false });
    this.frame.addEventListener("pointerdown", (event) => this.onDown(event));
    this.frame.addEventListener("keydown", (event) => this.onKey(event));
    this.svg.addEventListener("dblclick", (event) => this.follow(event.target.closest("[data-node]")));
    this.map?.addEventListener("pointerdown", (event) => this.onMap(event));
    this.addEventListener("click", (event) => this.onButton(event));
    new ResizeObserver(() => this.showMap()).observe(this.frame);
    this.centre(this.svg.querySelector(".node--picked .box"));
  }

  // The page itself does not move.
  centre(box) {
    if (!box) return;
    const { x, y, width, height } = box.getBBox();
    this.frame.scrollLeft = x + width / 2 - this.frame.clientWidth / 2;
    this.frame.scrollTop = y + height - this.frame.clientHeight / 2;
  }

  zoom(wanted, at = { x: this.frame.clientWidth / 2, y: this.frame.clientHeight / 2 }) {
    const scale = clampScale(wanted);
    const k = scale / this.scale;
    this.svg.setAttribute("width", this.size.width * scale);
    this.svg.setAttribute("height", this.size.height * scale);
    this.frame.scrollLeft = scrolledTo(this.frame.scrollLeft, at.x, k);
    this.frame.scrollTop = scrolledTo(this.frame.scrollTop, at.y, k);
    this.scale = scale;
    if (this.label) this.label.textContent = `${Math.round(scale * 100)} %`;
    this.showMap();
  }

  zoomBy(what) {
    const frame = { width: this.frame.clientWidth, height: this.frame.clientHeight };
    const scales = { in: this.scale * 1.25, out: this.scale / 1.25, one: 1, fit: fitScale(frame, this.size) };
    if (what in scales) this.zoom(scales[what]);
  }

  // The map shows only while there is something out of sight.
  showMap() {
    const sight = this.map && inSight(this.frame, this.scale);
    if (!this.map) return;
    this.map.hidden = !sight;
    for (const [name, value] of Object.entries(sight ?? {})) this.view.setAttribute(name, value);
  }

  onMap(event) {
    const box = this.map.querySelector("svg").getBoundingClientRect();
    const go = (to) => {
      const part = { x: (to.clientX - box.left) / box.width, y: (to.clientY - box.top) / box.height };
      this.frame.scrollLeft = part.x * this.frame.scrollWidth - this.frame.clientWidth / 2;
      this.frame.scrollTop = part.y * this.frame.scrollHeight - this.frame.clientHeight / 2;
    };
    event.preventDefault();
    go(event);
    whileDown(go);
  }

  onButton(event) {
    const what = event.target.closest("[data-zoom]")?.dataset.zoom;
    if (what) this.zoomBy(what);
  }

  onWheel(event) {
    if (!event.ctrlKey) return; // A plain wheel scrolls, as everywhere.
    event.preventDefault();
    const box = this.frame.getBoundingClientRect();
    this.zoom(this.scale * wheelFactor(event.deltaY), { x: event.clientX - box.left, y: event.clientY - box.top });
  }

  onDown(event) {
    if (event.button !== 0 || event.pointerType === "touch" || event.target.closest("a")) return;
    const from = { x: event.clientX + this.frame.scrollLeft, y: event.clientY + this.frame.scrollTop };
    whileDown((to) => {
      this.frame.scrollLeft = from.x - to.clientX;
      this.frame.scrollTop = from.y - to.clientY;
    });
  }

  onKey(event) {
    if (!only(event) || isTyping(event.target)) return;
    const here = document.activeElement?.closest?.("[data-node]");
    const zooms = { "+": "in", "-": "out", 0: "fit", 1: "one" };
    if (event.key in zooms) this.zoomBy(zooms[event.key]);
    else if (isArrow(event.key)) this.walk(here, event.key);
    else if (event.key === " " && here) this.unfold(here);
    else return;
    event.preventDefault();
  }

  walk(here, key) {
    const nodes = [...this.svg.querySelectorAll("[data-node]")];
    const first = this.svg.querySelector(".node--picked, .node--target") ?? nodes[0];
    // The ring and the doubled edge reach beyond a node: its outline is what counts.
    const box = (node) => (node.querySelector(".box") ?? node).getBoundingClientRect();
    const next = here ? nodes[nearest(box(here), nodes.map(box), key)] : first;
    next?.focus({ preventScroll: true });
    // Firefox takes a link within a picture to lie at its left edge; what it draws lies where it is.
    (next?.querySelector(".box") ?? next)?.scrollIntoView({ block: "nearest", inline: "nearest" });
  }

  unfold(node) {
    if (!("unfold" in node.dataset)) return;
    const name = node.dataset.unfold || node.dataset.node;
    location.assign(toggled(location.href, name, node.matches(".node--open")));
  }

  follow(node) {
    if (!node) return;
    const process = processAddress(this.dataset.processes, node.dataset.node);
    if (process) location.assign(process);
    else if (node.matches(".node--folded")) this.unfold(node);
  }
}

const whileDown = (move) => {
  addEventListener("pointermove", move);
  addEventListener("pointerup", () => removeEventListener("pointermove", move), { once: true });
};

customElements.define("process-graph", ProcessGraph);
