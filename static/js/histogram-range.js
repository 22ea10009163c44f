// <histogram-range>: dragging over the histogram sets the range and searches; a click stays a link.
import { rangeBetween } from "./lib/range.js";

const LEAST = 6; // Pixels: a hand that clicks is not quite still.

class HistogramRange extends HTMLElement {
  connectedCallback() {
    this.chart = this.querySelector("svg[data-start]");
    if (!this.chart) return;
    this.chart.addEventListener("pointerdown", (event) => this.begin(event));
    // A link that is dragged would be picked up by the browser.
    this.chart.addEventListener("dragstart", (event) => event.preventDefault());
    this.chart.addEventListener("click", (event) => {
      if (this.dragged) event.preventDefault();
    });
  }

  begin(event) {
    if (event.button !== 0 || !event.isPrimary || event.pointerType === "touch") return;
    this.from = event.clientX;
    this.dragged = false;
    const move = (moved) => this.show(moved);
    const end = (ended) => {
      removeEventListener("pointermove", move);
      removeEventListener("pointerup", end);
      removeEventListener("pointercancel", end);
      if (this.dragged && ended.type === "pointerup") this.search(ended.clientX);
      else this.brush?.remove();
    };
    addEventListener("pointermove", move);
    addEventListener("pointerup", end);
    addEventListener("pointercancel", end);
  }

  place(x) {
    const box = this.chart.getBoundingClientRect();
    return Math.min(Math.max((x - box.left) / box.width, 0), 1);
  }

  show(event) {
    if (Math.abs(event.clientX - this.from) >= LEAST) this.dragged = true;
    if (!this.dragged) return;
    if (!this.brush?.isConnected) {
      this.brush = document.createElementNS("http://www.w3.org/2000/svg", "rect");
      this.brush.setAttribute("class", "brush");
      this.brush.setAttribute("y", "0");
      this.brush.setAttribute("height", "82");
      this.chart.append(this.brush);
    }
    const [left, right] = [this.place(this.from), this.place(event.clientX)].sort((a, b) => a - b);
    this.brush.setAttribute("x", `${left * 100}%`);
    this.brush.setAttribute("width", `${(right - left) * 100}%`);
  }

  search(x) {
    const { start, end } = this.chart.dataset;
    const range = rangeBetween(Date.parse(start), Date.parse(end), this.place(this.from), this.place(x));
    const form = this.closest("form");
    form.elements.from.value = range.from;
    form.elements.to.value = range.to;
    form.requestSubmit();
  }
}
customElements.define("histogram-range", HistogramRange);
