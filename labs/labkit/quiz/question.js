// How one question looks, answered and marked. With player.js, which comes after it, this is one module in the browser.
// The only HTML is the bank's, set by `rich`; all else is set as text.

const MARKS = { right: "✓", partly: "◐", wrong: "✗" };

/** An element with attributes; functions become event listeners, children nodes or texts. */
function make(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") node.addEventListener(name, value);
    else if (value === true) node.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) node.setAttribute(name, value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

/** An element that holds HTML of the bank. */
function rich(tag, attributes, html) {
  const node = make(tag, attributes);
  node.innerHTML = html;
  return node;
}

// A control takes its name from its label, where MathML says nothing: TeX then has to.
const spoken = (html, text) => (html.includes("<math") ? text.replaceAll("$", "") : null);
const isPlain = (html) => !/<(?!\/?p>)/.test(html);

/** What a part needs to know: ids for labels, whether it is still open, and how to tell Python what was typed. */
function context(view, question, part) {
  const id = `${view.id}-${question.number}-${part.id}`;
  const given = (view.live().answers[question.id] || {})[part.id] || "";
  const tell = (answer) => view.answer(question, part, answer);
  const shows = (control) => view.controls.set(`${question.id} ${part.id}`, control);
  return { id, given, tell, shows, open: view.page().phase === "answering" };
}

/** ✓ or ✗ with its words, where the verdict on a part is known. */
function tick(right, yes, no) {
  return right === null ? null : make("span", { class: `tick ${right ? "right" : "wrong"}` }, right ? `✓ ${yes}` : `✗ ${no}`);
}

function feedback(part, more = "") {
  if (!part.feedback) return null;
  const tone = part.right === null ? "neutral" : part.right ? "right" : "wrong";
  return rich("div", { class: `feedback ${tone} ${more}` }, part.feedback);
}

function radios(view, question, part) {
  const { id, given, tell, shows, open } = context(view, question, part);
  const inputs = [];
  shows((answer) => inputs.forEach((input) => { input.checked = input.value === answer; }));
  const options = part.options.map((option) => {
    const chosen = given === option.id;
    const input = make("input", {
      type: "radio", name: id, value: option.id, disabled: !open, change: () => tell(option.id),
      "aria-label": spoken(option.html, option.text),
    });
    input.checked = chosen;
    inputs.push(input);
    const said = chosen && !open ? make("span", { class: "aside" }, "your answer") : null;
    const label = make("label", {}, input, rich("span", { class: "html" }, option.html), said);
    const tone = chosen && part.right !== null ? (part.right ? "right" : "wrong") : "";
    return make("div", { class: `option ${chosen ? "chosen" : ""} ${tone}` }, label, chosen ? feedback(part) : null);
  });
  const chosen = part.options.some((option) => option.id === given);
  return make("div", { class: "options" }, ...options, chosen ? null : feedback(part));
}

function box(view, question, part) {
  const { id, given, tell, shows, open } = context(view, question, part);
  const input = make("input", {
    id, type: "checkbox", disabled: !open, "aria-label": spoken(part.label, part.text),
    change: () => tell(input.checked ? "1" : "0"),
  });
  input.checked = given === "1";
  shows((answer) => { input.checked = answer === "1"; });
  const said = input.checked && !open ? make("span", { class: "aside" }, "your answer") : null;
  const mark = input.checked ? tick(part.right, "rightly ticked", "not to be ticked") : tick(part.right, "rightly left", "to be ticked");
  const label = make("label", {}, input, rich("span", { class: "html" }, part.label), said, mark);
  return make("div", { class: `option ${input.checked && !open ? "chosen" : ""}` }, label, feedback(part));
}

function menu(view, question, part, attributes = {}) {
  const { id, given, tell, shows, open } = context(view, question, part);
  const letter = attributes.letters ? (place) => `${String.fromCharCode(65 + place)} · ` : () => "";
  const options = part.options.map((option, place) => make("option", { value: option.id }, letter(place) + option.text));
  const select = make("select", { id, disabled: !open, "aria-label": attributes.label || spoken(part.label, part.text), change: () => tell(select.value) },
    make("option", { value: "" }, open ? "choose …" : "no answer"), ...options);
  select.value = given;
  shows((answer) => { select.value = answer; });
  return select;
}

function field(view, question, part, label = null) {
  const { id, given, tell, shows, open } = context(view, question, part);
  const described = `${id}-problem` + (part.decimals === null || label ? "" : ` ${id}-hint`);
  const input = make(part.code ? "textarea" : "input", {
    id, type: part.code ? null : "text", rows: part.code ? 4 : null, inputmode: part.kind === "number" ? "decimal" : null,
    autocomplete: "off", autocapitalize: "off", spellcheck: "false", readonly: !open, "aria-label": label || spoken(part.label, part.text),
    "aria-describedby": described, "data-part": part.id, class: part.kind,
    input: () => tell(input.value),
    change: () => { input.dataset.left = ""; view.update(); },
  });
  input.value = given;
  if (given) input.dataset.left = "";
  shows((answer) => { if (document.activeElement !== input) input.value = answer; });
  return input;
}

const problemPlace = (view, question, part) =>
  make("p", { class: "problem", id: `${context(view, question, part).id}-problem`, hidden: true });

/** A number or text with its label above; what is expected of a number stands beside it. */
function labelled(view, question, part) {
  const { id } = context(view, question, part);
  const hint = part.decimals === null ? null : part.decimals
    ? `rounded to ${part.decimals} decimal${part.decimals > 1 ? "s" : ""}` : "a whole number";
  return make("div", { class: "field" },
    rich("label", { for: id }, part.label || "Your answer"),
    make("span", { class: "line" }, field(view, question, part),
      part.unit ? make("span", { class: "unit" }, part.unit) : null,
      hint ? make("span", { class: "aside", id: `${id}-hint` }, hint) : null),
    problemPlace(view, question, part), feedback(part));
}

/** Order and match: a menu for each place or left side; what a menu cannot show stands in a lettered list above. */
function picks(view, question) {
  const options = question.parts[0].options;
  const letters = !options.every((option) => isPlain(option.html));
  const key = letters ? make("ol", { class: "key" }, ...options.map((option) => rich("li", {}, option.html))) : null;
  const rows = question.parts.map((part) => {
    const { id } = context(view, question, part);
    const tone = part.right === null ? "" : part.right ? "right" : "wrong";
    return make("div", { class: `pick ${tone}` },
      rich("label", { for: id }, part.label), menu(view, question, part, { letters }),
      tick(part.right, "right", "not right"),
      feedback(part));
  });
  return make("div", {}, key, make("div", { class: "picks" }, ...rows));
}

/** Cloze: controls take the place of the blanks in the stem; problems and feedback follow it. */
function blanks(view, question, stem) {
  const below = make("div", {});
  question.parts.forEach((part, place) => {
    const name = `Blank ${place + 1}` + (part.text ? `: ${part.text}` : "");
    const control = part.kind === "choice" ? menu(view, question, part, { label: name })
      : field(view, question, part, name);
    const tone = part.right === null ? "" : part.right ? "right" : "wrong";
    const mark = tone ? make("span", { class: `tick ${tone}`, role: "img", "aria-label": part.right ? "right" : "not right" },
      part.right ? "✓" : "✗") : null;
    const filled = make("span", { class: "blank" }, control, part.unit ? make("span", { class: "unit" }, part.unit) : null, mark);
    const blank = stem.querySelector(`[data-part="${CSS.escape(part.id)}"]:empty`);
    if (blank) blank.replaceWith(filled);
    else below.append(filled);
    if (part.kind !== "choice") below.append(problemPlace(view, question, part));
    const said = feedback(part);
    if (said) below.append(make("div", { class: "said" }, make("strong", {}, `Blank ${place + 1}: `), said));
  });
  return below;
}

function answers(view, question, stem) {
  if (question.layout === "boxes") return make("div", { class: "options" }, ...question.parts.map((part) => box(view, question, part)));
  if (question.layout === "picks") return picks(view, question);
  if (question.layout === "blanks") return blanks(view, question, stem);
  return make("div", {}, ...question.parts.map((part) =>
    part.kind === "choice" ? radios(view, question, part) : labelled(view, question, part)));
}

/** The notebook's folder as seen from the server's root, "06-assessment/", and the address under which notebooks open
 * there, "/lab/tree/"; null if it cannot be told. Notebook 7 has a page for each notebook, whose address says it. */
function folderOnServer(folders) {
  const config = document.getElementById("jupyter-config-data");
  const { serverRoot, baseUrl = "/" } = config ? JSON.parse(config.textContent) : {};
  const single = `${baseUrl}notebooks/`;
  if (config && location.pathname.startsWith(single)) {
    const path = decodeURIComponent(location.pathname.slice(single.length));
    return { address: single, inLab: false, folder: path.slice(0, path.lastIndexOf("/") + 1) };
  }
  if (!serverRoot) return null;
  const root = `${serverRoot.replaceAll("\\", "/").replace(/\/$/, "")}/`;
  const found = folders.map((folder) => `${folder}/`).find((folder) => folder.startsWith(root));
  return found === undefined ? null : { address: `${baseUrl}lab/tree/`, inLab: true, folder: found.slice(root.length) };
}

/** JupyterLab loses the heading of a notebook that it has to open first: wait until it is there, and until it stays. */
function showHeading(id, tries = 75, calm = 0) {
  const heading = [...document.querySelectorAll(`[data-jupyter-id="${CSS.escape(id)}"]`)].find((one) => one.offsetParent);
  const [at, frame] = [heading, heading?.closest(".jp-WindowedPanel-outer")].map((one) => one?.getBoundingClientRect());
  const seen = at && frame && at.top >= frame.top - 1 && at.bottom <= frame.bottom;
  if (heading && !seen) heading.scrollIntoView();
  if (tries > 0 && calm < 3) setTimeout(showHeading, 200, id, tries - 1, seen ? calm + 1 : 0);
}

/** A link to a notebook beside this one, which opens where this one is open; null where that cannot be told. */
function linkTo(view, { label, href }) {
  if (/^https?:/i.test(href)) return make("a", { href, target: "_blank", rel: "noopener" }, label);
  const place = folderOnServer(view.page().folders);
  if (!place) return null;
  const goal = new URL(href, `http://root/${encodeURI(place.folder)}`);
  const path = decodeURIComponent(goal.pathname.slice(1));
  const heading = decodeURIComponent(goal.hash.slice(1));
  const address = `${place.address}${goal.pathname.slice(1)}${goal.hash}`;
  const anchor = make("a", { href: address, target: "_blank", rel: "noopener" }, label);
  if (!place.inLab) return anchor;
  anchor.dataset.commandlinkerCommand = "rendermime:handle-local-link"; // JupyterLab's own: opens the notebook at the heading
  anchor.dataset.commandlinkerArgs = JSON.stringify({ path, id: heading && `#heading=${heading}` });
  if (heading) anchor.addEventListener("click", () => showHeading(heading));
  return anchor;
}

/** Where to read again; its words alone where there can be no link. */
const review = (view, link) => make("p", { class: "review" }, "Review: ", linkTo(view, link) || `${link.label} (${link.href})`);

/** What comes after this quiz. */
const nextLab = (view, link) => make("p", { class: "next-lab" }, "Next: ", linkTo(view, link) || `${link.label} (${link.href})`);

function verdict(result) {
  return make("p", { class: `verdict ${result.mark}` },
    make("span", { class: "sign", "aria-hidden": "true" }, MARKS[result.mark]), make("strong", {}, result.word),
    make("span", { class: "points" }, result.points));
}

function drawQuestion(view, question) {
  const heading = make("h3", { tabindex: "-1" }, `Question ${question.number}`,
    make("span", { class: "title" }, ` · ${question.title}`), make("span", { class: "points" }, question.points));
  const stem = rich("div", { class: "stem", id: `${view.id}-${question.number}-stem` }, question.stem);
  const how = question.how ? make("p", { class: "aside" }, question.how) : null;
  const given = answers(view, question, stem);
  const wrong = question.result && question.result.mark !== "right";
  return make("fieldset", { class: "question", "aria-describedby": stem.id, "data-number": question.number },
    make("legend", {}, heading), question.result ? verdict(question.result) : null, stem, how, given,
    wrong && question.review ? review(view, question.review) : null);
}
