// The whole player: it draws `page` once a screen, keeps `live` up to date, and sends answers, submissions and retakes to
// Python. Verdicts are Python's. question.js, which comes before it in the same module, draws the single questions.

const SLOW = 8000; // milliseconds after which a silent kernel is mentioned
let count = 0;

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
    make("p", { class: "trouble", hidden: true }), action);
}

class View {
  constructor(model, node) {
    this.model = model;
    this.id = `labkit-quiz-${++count}`;
    this.key = null;
    this.asked = false; // whether this view asked for the next screen, and so takes the focus there
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
    this.onMessage = (message) => (message.open ? this.ask() : this.trouble(message.problem));
    model.on("change:page change:live change:paged change:here", this.onChange);
    model.on("msg:custom", this.onMessage);
    this.update();
  }

  close() {
    window.removeEventListener("keydown", this.onKey, true);
    clearTimeout(this.timer);
    this.model.off("change:page change:live change:paged change:here", this.onChange);
    this.model.off("msg:custom", this.onMessage);
  }

  page() { return this.model.get("page"); }
  live() { return this.model.get("live"); }
  paged() { return this.model.get("paged"); }
  here() { return Math.min(Math.max(this.model.get("here"), 1), this.page().items.length); }
  find(selector) { return this.body.querySelector(selector); }
  say(text) { this.status.textContent = text; }

  send(message) {
    this.asked = message.do !== "answer";
    this.model.send(message);
    clearTimeout(this.timer);
    if (this.asked) {
      this.timer = setTimeout(() =>
        this.trouble("Python does not answer. Is the kernel busy or restarted? Then run the cell of this quiz again."), SLOW);
    }
  }

  answer(question, part, answer) {
    this.send({ do: "answer", item: question.id, part: part.id, answer });
  }

  trouble(text) {
    clearTimeout(this.timer);
    const place = this.find(".trouble");
    place.textContent = text;
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
    clearTimeout(this.timer);
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
        const { id } = context(this, question, part);
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

  /** Take one of the two numbers that an answer may be. */
  mean(question, part, input, number) {
    input.value = number;
    this.answer(question, part, number);
    input.focus();
  }

  draw(page) {
    const before = this.key;
    this.key = page.key;
    clearTimeout(this.timer);
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
