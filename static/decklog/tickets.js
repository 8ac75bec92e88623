// Filing a change: what it needs is worked out while one types. Without this file the button "Check" does it.
"use strict";

// The list of services is narrowed by what is typed above it; what is ticked stays in sight.
for (const field of document.querySelectorAll("[data-finds]")) {
  field.hidden = false;
  field.addEventListener("input", (event) => {
    event.stopPropagation();
    const wanted = field.value.trim().toLowerCase();
    for (const label of document.querySelectorAll(`${field.dataset.finds} label`)) {
      const isTicked = label.querySelector("input").checked;
      label.hidden = !isTicked && !label.textContent.toLowerCase().includes(wanted);
    }
  });
}

// The answer came from another page: the session has ended. What was typed has been kept, so the page is asked for
// again: it leads to signing in, and from there back to the form as it was.
document.addEventListener("htmx:beforeSwap", (event) => {
  const { target, xhr } = event.detail;
  if (!("outlook" in target.dataset) || !xhr.responseURL) return;
  if (new URL(xhr.responseURL).pathname !== "/changes/preview") {
    event.detail.shouldSwap = false;
    location.reload();
  }
});
