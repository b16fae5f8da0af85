// The whole player: it draws `page` once a screen, keeps `live` up to date, and sends answers, submissions and retakes to
// Python. Verdicts are Python's. question.js, which comes before it in the same module, draws the single questions.

const SLOW = 4000; // milliseconds after which a silent kernel is mentioned
const SILENT = "Python has not answered yet, and what you did last is not saved. Is the kernel busy with another cell? Then wait. " +
  "Was it restarted or shut down? Then run this cell again: your answers are kept in this window, and are put back.";
const GONE = "Python cannot be reached: was the kernel restarted or shut down? Run this cell again (Run → Run Selected Cell). " +
  "Your answers are kept in this window, and are put back.";
let count = 0;

/** What this window keeps of answers that Python has not confirmed, so that the next view of the same attempt has them. */
const kept = {
  read(name) { try { return JSON.parse(sessionStorage.getItem(name)) || {}; } catch { return {}; } },
  write(name, answers) {
    try {
      if (Object.keys(answers).length) sessionStorage.setItem(name, JSON.stringify(answers));
      else sessionStorage.removeItem(name);
    } catch { /* a window that may keep nothing: the view still has them */ }
  },
};

const listed = (numbers) => `question${numbers.length > 1 ? "s" : ""} ${numbers.join(", ")}`;

function drawHead(view, page) {
  const toggle = make("input", { type: "checkbox", change: () => view.setPaged(toggle.checked) });
  toggle.checked = view.paged();
  const results = page.phase === "results";
  const tone = page.mode === "exam" ? "neutral" : page.passed ? "right" : "partly";
  const headline = results ? make("p", { class: `headline ${tone}`, tabindex: "-1" }, page.headline) : null;
  return make("header", {},
    make("h2", { tabindex: "-1" }, page.title), headline,
    make("p", { class: "standing" }, page.standing), page.left ? make("p", { class: "left" }, page.left) : null,
    make("div", { class: "problems" }),
    page.note ? rich("div", { class: "note" }, page.note) : null,
    make("label", { class: "toggle" }, toggle, make("span", {}, "One question at a time")));
}

function drawFoot(view, page) {
  const previous = make("button", { type: "button", class: "previous", click: () => view.go(view.here() - 1) }, "← Previous");
  const next = make("button", { type: "button", class: "next", click: () => view.go(view.here() + 1) }, "Next →");
  const pager = make("div", { class: "pager" }, previous, make("span", { class: "where" }), next);
  const action = page.phase === "answering"
    ? make("button", { type: "button", class: "main submit", click: () => view.submit() }, "Submit")
    : page.retake ? make("button", { type: "button", class: "main retake", click: () => view.send({ do: "retake" }) }, "Take it again") : null;
  return make("footer", {}, pager, make("p", { class: "count" }), make("div", { class: "confirm", tabindex: "-1", hidden: true }),
    make("div", { class: "trouble", hidden: true }), action, page.next ? nextLab(view, page.next) : null);
}

/** Runs the cell that has the focus, which is the one with this button in it: JupyterLab's own command. */
const runAgain = () => make("button", {
  type: "button", class: "again", "data-commandlinker-command": "notebook:run-cell", "data-commandlinker-args": "{}",
}, "Run this cell again");

class View {
  constructor(model, node) {
    this.model = model;
    this.id = `labkit-quiz-${++count}`;
    this.key = null;
    this.asked = false; // whether this view asked for the next screen, and so takes the focus there
    this.sent = 0; // messages are numbered; Python confirms each
    this.confirmed = 0;
    this.unsaved = {}; // item -> part -> [answer, number of its message], until Python has confirmed it
    this.controls = new Map(); // how to show an answer that came from elsewhere, by item and part
    this.body = make("div", {});
    this.status = make("div", { class: "spoken", role: "status", "aria-live": "polite" });
    this.root = make("section", { class: "labkit-quiz" }, this.status, this.body);
    node.append(this.root);
    // JupyterLab's shortcuts (a, dd, the arrows, Enter) must not act on keys pressed here; Ctrl+S and the like still
    // should. It looks for this attribute on the element that has the focus, before its own listener's turn.
    this.onKey = (event) => {
      const plain = !(event.ctrlKey || event.metaKey || event.altKey);
      if (this.root.contains(event.target)) event.target.toggleAttribute("data-lm-suppress-shortcuts", plain);
    };
    window.addEventListener("keydown", this.onKey, true);
    this.onChange = () => this.update();
    this.onMessage = (message) => this.hear(message);
    model.on("change:page change:live change:paged change:here", this.onChange);
    model.on("msg:custom", this.onMessage);
    this.hideText();
    this.update();
    this.putBack();
  }

  /** The quiz as text, which stands above for when no kernel runs, goes while the player is here. */
  hideText() {
    for (const text of document.querySelectorAll(".labkit-quiz-text")) {
      if (text.dataset.quiz === this.page().title) text.hidden = true;
    }
  }

  /** Send what an earlier view of this attempt, whose kernel had gone, could not save. */
  putBack() {
    if (this.page().phase !== "answering") return;
    for (const [item, parts] of Object.entries(kept.read(this.name()))) {
      const question = this.page().items.find((one) => one.id === item);
      for (const part of question ? question.parts : []) {
        if (typeof parts[part.id] !== "string") continue;
        this.show(item, part.id, parts[part.id]);
        this.answer(question, part, parts[part.id]);
      }
    }
  }

  close() {
    window.removeEventListener("keydown", this.onKey, true);
    this.quiet();
    this.model.off("change:page change:live change:paged change:here", this.onChange);
    this.model.off("msg:custom", this.onMessage);
  }

  page() { return this.model.get("page"); }
  live() { return this.model.get("live"); }
  paged() { return this.model.get("paged"); }
  here() { return Math.min(Math.max(this.model.get("here"), 1), this.page().items.length); }
  name() { return `labkit-quiz ${this.page().folders[0] ?? ""} ${this.page().title} ${this.key}`; }
  find(selector) { return this.body.querySelector(selector); }
  say(text) { this.status.textContent = text; }

  send(message) {
    this.asked = message.do !== "answer";
    this.sent += 1;
    if (!this.timer) this.timer = setTimeout(() => this.silent(SILENT), SLOW);
    try {
      this.model.send({ ...message, n: this.sent });
    } catch { // the widget has lost its kernel
      this.silent(GONE);
    }
  }

  answer(question, part, answer) {
    this.unsaved[question.id] = { ...this.unsaved[question.id], [part.id]: [answer, this.sent + 1] };
    this.keep();
    this.send({ do: "answer", item: question.id, part: part.id, answer });
  }

  keep() {
    const plain = (parts) => Object.fromEntries(Object.entries(parts).map(([part, [answer]]) => [part, answer]));
    kept.write(this.name(), Object.fromEntries(Object.entries(this.unsaved).map(([item, parts]) => [item, plain(parts)])));
  }

  /** One message of Python: what it has done, what it asks, or what was wrong. */
  hear(message) {
    if ("done" in message) this.saved(message.done);
    if (message.open) this.ask();
    if (message.problem) this.trouble(message.problem);
  }

  /** Everything up to this message has arrived. */
  saved(number) {
    this.confirmed = Math.max(this.confirmed, number);
    for (const [item, parts] of Object.entries(this.unsaved)) {
      const open = Object.entries(parts).filter(([, [, sent]]) => sent > this.confirmed);
      if (open.length) this.unsaved[item] = Object.fromEntries(open);
      else delete this.unsaved[item];
    }
    this.keep();
    if (this.confirmed < this.sent) return;
    this.quiet();
    if (this.find(".trouble").dataset.silent) this.find(".trouble").hidden = true;
  }

  quiet() {
    clearTimeout(this.timer);
    this.timer = null;
  }

  silent(text) {
    this.trouble(text, runAgain());
    this.find(".trouble").dataset.silent = "yes";
  }

  trouble(text, ...more) {
    this.quiet();
    const place = this.find(".trouble");
    place.replaceChildren(make("p", {}, text), ...more);
    delete place.dataset.silent;
    place.hidden = false;
    this.say(text);
  }

  /** Submit. Python, which has got every answer that was sent before, asks first where something is unanswered. */
  submit(anyway = false) {
    this.find(".confirm").hidden = true;
    this.say("Submitting.");
    this.send({ do: "submit", anyway });
  }

  /** Ask whether to submit all the same. */
  ask() {
    this.asked = false;
    const confirm = this.find(".confirm");
    this.drawConfirm(confirm);
    confirm.hidden = false;
    confirm.focus();
  }

  drawConfirm(confirm) {
    const { unanswered: open, problems } = this.live();
    const unclear = this.page().items.flatMap((question) => Object.values(problems[question.id] || {})
      .map((problem) => make("p", {}, `Question ${question.number}: ${problem}`)));
    confirm.dataset.open = JSON.stringify([open, problems]);
    const go = (number) => make("button", { type: "button", click: () => this.go(number) }, `Question ${number}`);
    confirm.replaceChildren(
      make("p", {}, make("strong", {}, `${open.length} unanswered`), `: ${listed(open)}. Submit all the same?`),
      ...unclear,
      make("div", { class: "buttons" }, ...open.map(go),
        make("button", { type: "button", class: "anyway", click: () => this.submit(true) }, "Submit all the same")));
  }

  setPaged(paged) {
    this.model.set("paged", paged);
    this.model.save_changes();
  }

  /** Show a question and put the focus on its heading. */
  go(number) {
    this.model.set("here", Math.min(Math.max(number, 1), this.page().items.length));
    this.model.save_changes();
    this.update();
    this.find(`[data-number="${this.here()}"] h3`).focus();
  }

  update() {
    const page = this.page();
    if (page.key !== this.key) this.draw(page);
    const shown = (number) => !this.paged() || number === this.here();
    for (const node of this.body.querySelectorAll(".question")) node.hidden = !shown(Number(node.dataset.number));
    this.find(".pager").hidden = !this.paged();
    this.find(".where").textContent = `Question ${this.here()} of ${page.items.length}`;
    this.find(".previous").disabled = this.here() === 1;
    this.find(".next").disabled = this.here() === page.items.length;
    this.find(".toggle input").checked = this.paged();
    this.find(".problems").replaceChildren(...page.problems.map((text) => make("p", {}, text)));
    if (page.phase === "answering") this.updateAnswers(page);
  }

  updateAnswers(page) {
    const { unanswered, problems, meant } = this.live();
    const done = page.items.length - unanswered.length;
    this.find(".count").textContent = `${done} of ${page.items.length} answered.`;
    const confirm = this.find(".confirm");
    if (!confirm.hidden && confirm.dataset.open !== JSON.stringify([unanswered, problems])) { // an answer came in after the question was put
      const focused = confirm.contains(document.activeElement);
      this.drawConfirm(confirm);
      confirm.hidden = !unanswered.length;
      if (focused) (confirm.hidden ? this.find(".submit") : confirm).focus();
    }
    for (const question of page.items) {
      for (const part of question.parts) {
        const { id, given } = context(this, question, part);
        if (!(this.unsaved[question.id] || {})[part.id]) this.show(question.id, part.id, given);
        const place = this.body.querySelector(`#${CSS.escape(id)}-problem`);
        if (!place) continue;
        const input = this.body.querySelector(`#${CSS.escape(id)}`);
        const problem = "left" in input.dataset ? (problems[question.id] || {})[part.id] || "" : "";
        if (place.dataset.said !== problem) {
          if (problem) this.say(problem);
          place.dataset.said = problem;
          const asked = problem ? (meant[question.id] || {})[part.id] || [] : [];
          place.replaceChildren(problem, ...asked.map((number) => make("button", {
            type: "button", class: "meant", click: () => this.mean(question, part, input, number),
          }, number)));
        }
        place.hidden = !problem;
        input.setAttribute("aria-invalid", problem ? "true" : "false");
      }
    }
  }

  /** Show an answer that was not given in this view: put back, or given in another window. */
  show(item, part, answer) {
    const control = this.controls.get(`${item} ${part}`);
    if (control) control(answer);
  }

  /** Take one of the two numbers that an answer may be. */
  mean(question, part, input, number) {
    input.value = number;
    this.answer(question, part, number);
    input.focus();
  }

  draw(page) {
    const before = this.key;
    this.key = page.key;
    this.controls.clear();
    this.root.setAttribute("aria-label", `Quiz: ${page.title}`);
    this.body.replaceChildren(drawHead(this, page), ...page.items.map((question) => drawQuestion(this, question)), drawFoot(this, page));
    if (before === null || !this.asked) return;
    this.asked = false;
    this.say(page.phase === "results" ? `${page.headline} ${page.standing} ${page.left}` : "A new attempt: the questions are fresh.");
    (this.find(".headline") || this.find("h2")).focus();
  }
}

export default {
  render({ model, el }) {
    const view = new View(model, el);
    return () => view.close();
  },
};
