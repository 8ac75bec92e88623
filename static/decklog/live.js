// Lists that look again by themselves. They wait while nobody looks and while the reader is busy in them.
"use strict";

document.addEventListener("htmx:beforeRequest", (event) => {
  const list = event.detail.elt;
  if (!("live" in list.dataset)) return;
  const selection = document.getSelection();
  const isBusy =
    list.contains(document.activeElement) ||
    (selection && !selection.isCollapsed && list.contains(selection.anchorNode));
  if (document.hidden || isBusy) event.preventDefault();
});

// The answer came from another page: the session has ended, and the reader is asked to sign in.
document.addEventListener("htmx:beforeSwap", (event) => {
  const { elt, xhr } = event.detail;
  if (!("live" in elt.dataset) || !xhr.responseURL) return;
  if (new URL(xhr.responseURL).pathname !== location.pathname) {
    event.detail.shouldSwap = false;
    location.reload();
  }
});
