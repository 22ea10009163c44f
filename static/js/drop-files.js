// <drop-files>: files may be dropped on the form, and what is too much is said before it is sent.
import { bytesOf, describe } from "./lib/files.js";

class DropFiles extends HTMLElement {
  connectedCallback() {
    this.input = this.querySelector("input[type=file]");
    this.status = this.querySelector("[role=status]");
    this.input.addEventListener("change", () => this.look());
    for (const name of ["dragenter", "dragover"]) {
      this.addEventListener(name, (event) => {
        event.preventDefault();
        this.classList.add("is-over");
      });
    }
    this.addEventListener("dragleave", (event) => {
      if (!this.contains(event.relatedTarget)) this.classList.remove("is-over");
    });
    this.addEventListener("drop", (event) => this.drop(event));
    this.closest("form").addEventListener("submit", () => this.sending());
    this.look(); // A page that was gone back to may have files chosen.
  }

  drop(event) {
    event.preventDefault();
    this.classList.remove("is-over");
    if (!event.dataTransfer.files.length) return;
    this.input.files = event.dataTransfer.files;
    this.look();
  }

  look() {
    const most = Number(this.dataset.mostMb) * 2 ** 20;
    const isTooLarge = bytesOf(this.input.files) > most;
    this.input.setCustomValidity(isTooLarge ? this.dataset.tooLarge : "");
    this.status.textContent = isTooLarge ? this.dataset.tooLarge : describe(this.input.files);
  }

  // A second click must not send everything twice; going back makes the button work again.
  sending() {
    const button = this.closest("form").querySelector("button");
    button.setAttribute("aria-disabled", "true");
    button.addEventListener("click", (event) => button.hasAttribute("aria-disabled") && event.preventDefault());
    addEventListener("pageshow", () => button.removeAttribute("aria-disabled"));
  }
}
customElements.define("drop-files", DropFiles);
