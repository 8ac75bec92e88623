// The arrow keys lead to the week or month before and after, unless they are needed where the reader is.
document.addEventListener("keydown", (event) => {
  const where = event.target;
  const isTyping = where instanceof HTMLElement && where.closest("input, select, textarea, summary, [contenteditable]");
  const way = { ArrowLeft: "prev", ArrowRight: "next" }[event.key];
  if (!way || isTyping || event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
  document.querySelector(`a[rel="${way}"]`)?.click();
});
