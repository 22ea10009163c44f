// <import-progress>: fetches the same part of the page again, once a second while the import runs.
const SECOND = 1000;
const LONGEST = 30 * SECOND;

class ImportProgress extends HTMLElement {
  connectedCallback() {
    this.wait = SECOND;
    if (this.dataset.url) this.later();
  }

  disconnectedCallback() {
    clearTimeout(this.timer);
  }

  later() {
    this.timer = setTimeout(() => this.look(), this.wait);
  }

  async look() {
    // A button that is being pressed, or text that is being picked, is left alone.
    if (this.querySelector(":active") || String(getSelection())) return this.later();
    try {
      const response = await fetch(this.dataset.url);
      if (!response.ok) throw new Error(response.statusText);
      this.show(new DOMParser().parseFromString(await response.text(), "text/html"));
      this.wait = SECOND;
    } catch {
      this.wait = Math.min(2 * this.wait, LONGEST); // The server may be starting again; the page stays as it is.
    }
    return this.dataset.url ? this.later() : undefined;
  }

  show(fetched) {
    const section = this.querySelector("section");
    // Nothing is taken from under the reader's hands: a button that has the focus keeps it.
    const focused = section.contains(document.activeElement) ? document.activeElement.textContent : null;
    const runs = fetched.querySelector("[data-reload]") !== null;
    section.replaceChildren(...fetched.body.childNodes);
    if (focused !== null) {
      [...section.querySelectorAll("a, button")].find((one) => one.textContent === focused)?.focus();
    }
    if (!runs) delete this.dataset.url;
    this.say(runs);
  }

  // Read out now and then only: each second would be a flood.
  say(runs) {
    const percent = this.querySelector("progress")?.value ?? 0;
    const step = runs ? Math.floor(percent / 10) : "end";
    if (step === this.said) return;
    this.said = step;
    const text = runs ? this.querySelector("[data-status]") : this.querySelector(".panel__head .tag");
    const said = document.querySelector("[data-said]");
    if (said && text) said.textContent = text.textContent;
  }
}
customElements.define("import-progress", ImportProgress);
