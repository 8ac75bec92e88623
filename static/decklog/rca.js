// The tree of whys by keyboard: Enter saves and asks another why, Tab goes deeper, Shift+Tab up, Esc leaves.
// It speaks to the API that everybody may use. Without this file the forms of the page do the same.
"use strict";

for (const tree of document.querySelectorAll("[data-why-tree][data-editable]")) begin(tree);
for (const keys of document.querySelectorAll("[data-keys]")) keys.hidden = false;

function begin(tree) {
  const address = `/api/v1/rcas/${tree.dataset.rca}/whys`;
  let editor = null;

  tree.addEventListener("click", (event) => {
    const link = event.target.closest("[data-claim], [data-ask]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    if (link.matches("[data-claim]")) change(link.closest("[data-why]"));
    else ask({ list: link.closest("[data-branch]").querySelector("[data-path]"), after: null, depth: 1, parent: "" });
  });

  // --- What one edits ------------------------------------------------------------------------------------------------

  function change(line) {
    const claim = line.querySelector("[data-claim]");
    const { depth, parent, why, question } = line.dataset;
    open({ line, list: line.parentElement, depth: Number(depth), parent, why, question, claim: claim.dataset.claim });
    line.querySelector("[data-why-body]").hidden = true;
    line.append(editor.form);
    editor.claim.focus();
  }

  function ask(place) {
    open({ ...place, line: document.createElement("li"), why: "", question: "", claim: "" });
    editor.line.className = "rca-line rca-new";
    editor.line.append(editor.form);
    indent();
    if (place.after) place.after.after(editor.line);
    else place.list.append(editor.line);
    editor.question.focus();
  }

  function open(place) {
    if (editor) leave();
    const form = tree.querySelector("template").content.firstElementChild.cloneNode(true);
    const [question, claim] = [form.elements.namedItem("question"), form.elements.namedItem("claim")];
    [question.value, claim.value] = [place.question, place.claim];
    editor = { ...place, form, question, claim, problem: form.querySelector("[role=alert]"), moved: false };
    form.addEventListener("keydown", key);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      save({ another: false });
    });
    form.querySelector("[data-leave]").addEventListener("click", leave);
  }

  function leave() {
    if (!editor) return;
    const { line, why, form } = editor;
    editor = null;
    form.remove();
    if (!why) {
      line.remove();
      return;
    }
    line.querySelector("[data-why-body]").hidden = false;
    line.dataset.depth = line.dataset.kept || line.dataset.depth;
    line.querySelector("[data-claim]").focus();
  }

  // --- Keys ----------------------------------------------------------------------------------------------------------

  function key(event) {
    if (event.isComposing) return;
    if (event.key === "Escape") {
      event.preventDefault();
      leave();
    } else if (event.key === "Enter" && event.target === editor.question && !editor.claim.value.trim()) {
      event.preventDefault();
      editor.claim.focus();
    } else if (event.key === "Enter" && event.target.matches("input")) {
      event.preventDefault();
      save({ another: true });
    } else if (event.key === "Tab" && event.target === editor.claim) {
      event.preventDefault();
      if (event.shiftKey) up();
      else deeper();
    }
  }

  // Below the nearest line above that stands as deep as this one.
  function deeper() {
    for (let line = editor.line.previousElementSibling; line; line = line.previousElementSibling) {
      const depth = Number(line.dataset.depth);
      if (depth < editor.depth) break;
      if (depth === editor.depth) {
        place(line.dataset.why, editor.depth + 1);
        return;
      }
    }
    say("There is no why above that this one could go below.");
  }

  function up() {
    const above = tree.querySelector(`[data-why="${editor.parent}"]`);
    if (above) place(above.dataset.parent, Number(above.dataset.depth));
    else say("It stands at the top already.");
  }

  function place(parent, depth) {
    [editor.parent, editor.depth, editor.moved] = [parent, depth, true];
    indent();
    say("");
  }

  function indent() {
    const { line } = editor;
    line.dataset.kept = line.dataset.kept || line.dataset.depth || "";
    line.dataset.depth = Math.min(editor.depth, 6);
  }

  function say(sentence) {
    editor.problem.textContent = sentence;
    editor.problem.hidden = !sentence;
  }

  // --- Saving --------------------------------------------------------------------------------------------------------

  async function save({ another }) {
    const mine = editor;
    const said = { question: mine.question.value.trim(), claim: mine.claim.value.trim() };
    if (!mine.why || mine.moved) said.parents = mine.parent ? [Number(mine.parent)] : [];
    if (!mine.why) said.path = mine.list.dataset.path;
    const answer = await send(mine.why ? `${address}/${mine.why}` : address, mine.why ? "PATCH" : "POST", said);
    if (editor !== mine) {
      if (!editor && !answer.problem) await refresh();
      return;
    }
    if (answer.problem) {
      say(answer.problem);
      return;
    }
    const why = mine.why || String(Math.max(...answer.whys.map((one) => one.id)));
    editor = null;
    await refresh();
    const line = tree.querySelector(`[data-why="${why}"]`);
    if (!line) return;
    const { depth, parent } = line.dataset;
    if (another) ask({ list: line.parentElement, after: lastBelow(line), depth: Number(depth), parent });
    else line.querySelector("[data-claim]").focus();
  }

  function lastBelow(line) {
    let last = line;
    while (last.nextElementSibling && Number(last.nextElementSibling.dataset.depth) > Number(line.dataset.depth)) {
      last = last.nextElementSibling;
    }
    return last;
  }

  async function send(url, method, said) {
    const headers = { ...JSON.parse(document.body.getAttribute("hx-headers")), "Content-Type": "application/json" };
    try {
      const response = await fetch(url, { method, headers, body: JSON.stringify(said) });
      const answer = await response.json();
      if (response.ok) return answer;
      const [first] = answer.errors || [];
      return { problem: (first && first.message) || answer.detail || "It was not saved. Reload the page." };
    } catch {
      return { problem: "Decklog does not answer, so nothing was saved. What you typed stays here." };
    }
  }

  // What the page says now, the tree as well as what stands before a review.
  async function refresh() {
    const page = new DOMParser().parseFromString(await (await fetch(location.pathname)).text(), "text/html");
    for (const part of ["tree", "before-review"]) {
      const [old, fresh] = [document.getElementById(part), page.getElementById(part)];
      if (old && fresh) old.replaceChildren(...fresh.childNodes);
    }
  }
}
