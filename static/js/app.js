// Everything here is an extra: each page works without it.
import { isTyping, only } from "./lib/keys.js";

const root = document.documentElement;
root.classList.add("js");

// Without a choice of the reader the system decides, and the server does not know how.
const themeLink = document.querySelector("[data-theme-link]");
if (themeLink && !root.dataset.theme && matchMedia("(prefers-color-scheme: dark)").matches) {
  themeLink.href = themeLink.href.replace("theme=dark", "theme=light");
}

// <copy-text>: copies what stands beside it, or with data-from="location" the address.
class CopyText extends HTMLElement {
  connectedCallback() {
    this.addEventListener("click", () => this.copy());
  }

  async copy() {
    const use = this.querySelector("use");
    const before = use?.getAttribute("href");
    let mark = "#i-check";
    try {
      await navigator.clipboard.writeText(this.text());
    } catch {
      mark = "#i-warn"; // The browser did not allow it; the text can still be picked by hand.
    }
    use?.setAttribute("href", mark);
    setTimeout(() => use?.setAttribute("href", before), 1200);
  }

  text() {
    if (this.dataset.from === "location") return location.href;
    const near = this.closest(".sect, tr")?.querySelector(".all") ?? this.previousElementSibling;
    return near?.textContent ?? "";
  }
}
customElements.define("copy-text", CopyText);

const dialog = document.querySelector(".keys-dialog");
const openKeys = (event) => {
  event.preventDefault();
  dialog?.showModal();
};
document.querySelector("[data-keys-open]")?.addEventListener("click", openKeys);

const closeMenus = () => document.querySelectorAll("details.menu[open]").forEach((menu) => menu.removeAttribute("open"));
document.addEventListener("click", (event) => {
  if (!event.target.closest("details.menu")) closeMenus();
});

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") {
    closeMenus();
    if (isTyping(event.target)) event.target.blur();
    return;
  }
  if (!only(event) || isTyping(event.target)) return;
  if (event.key === "?") openKeys(event);
  if (event.key === "y") navigator.clipboard?.writeText(location.href);
  if (event.key === "/") {
    const query = document.querySelector("#q");
    if (!query) return;
    event.preventDefault();
    query.select();
  }
});
