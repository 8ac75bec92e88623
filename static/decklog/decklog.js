// Conveniences only: every page works without this file.
"use strict";

// `/` goes to the search field, unless the reader is typing somewhere.
document.addEventListener("keydown", (event) => {
  if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.closest("input, textarea, select, [contenteditable]")) return;
  const field = [...document.querySelectorAll("[data-search]")].find((one) => one.offsetParent !== null);
  if (!field) return;
  event.preventDefault();
  field.focus();
  field.select();
});

// A copy button: <span class="dl-copy" hidden><button data-copy="#id">…</button><span role="status"></span></span>.
// It stays hidden without JavaScript, because it could do nothing then.
function reveal(root) {
  for (const holder of root.querySelectorAll(".dl-copy[hidden]")) holder.hidden = false;
}

// The clipboard API exists on HTTPS and on localhost only; elsewhere the text is selected, so that Ctrl+C takes it.
async function copy(source) {
  const text = "value" in source ? source.value : source.textContent;
  try {
    await navigator.clipboard.writeText(text);
    return "Copied.";
  } catch {
    const range = document.createRange();
    range.selectNodeContents(source);
    getSelection().removeAllRanges();
    getSelection().addRange(range);
    return "Selected. Press Ctrl+C to copy.";
  }
}

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (button) {
    const source = document.querySelector(button.dataset.copy);
    const status = button.parentElement.querySelector("[role=status]");
    if (source && status) status.textContent = await copy(source);
  }
  // A menu closes when the reader turns to something else.
  for (const menu of document.querySelectorAll("details.dl-menu[open]")) {
    if (!menu.contains(event.target)) menu.open = false;
  }
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  const menu = event.target.closest("details.dl-menu[open]");
  if (!menu) return;
  menu.open = false;
  menu.querySelector("summary").focus();
});

// A menu that holds the search field is opened in order to type into it.
document.addEventListener("toggle", (event) => {
  if (event.target.open) event.target.querySelector("[data-search]")?.focus();
}, true);

// On a phone the view one is in may stand beyond the edge of its row of tabs. Only the row scrolls, never the page.
for (const tab of document.querySelectorAll(".nav-underline [aria-current], .dl-snippet-tabs [aria-current]")) {
  const row = tab.closest(".nav-underline, .dl-snippet-tabs");
  row.scrollLeft += Math.max(0, tab.getBoundingClientRect().right - row.getBoundingClientRect().right);
}

document.addEventListener("htmx:load", (event) => reveal(event.detail.elt));
reveal(document);
