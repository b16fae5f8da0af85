// The practice page: it plays the part that Python plays for the notebook's player (`labkit.quiz.session`, `.marking`,
// `.pages`, `.standing`), and keeps attempts in this browser. question.js and player.js stand before it in the module.

const EPSILON = 1e-9;
const percent = (share) => `${Math.floor(100 * share + 100 * EPSILON)}%`;
const pointsOf = (points) => `${Number(points.toPrecision(6))} point${points === 1 ? "" : "s"}`;
const sixDigits = (share) => Math.round(1e6 * share) / 1e6;

/** Answers by item as they are kept once they are submitted: every number in a spelling that has one meaning. */
function recorded(drawn, answers) {
  const kept = drawn.filter(({ item }) => answers[item.id]).map(({ item, parts }) => {
    const given = answers[item.id];
    const known = parts.filter((part) => given[part.id]).map((part) => [part.id, toRecord(part, given[part.id])]);
    return [item.id, Object.fromEntries(known)];
  });
  return Object.fromEntries(kept);
}

/** Parts and answers → whether a question counts as answered: a box was touched, all other parts can be read. */
function isAnswered(parts, given) {
  const boxes = parts.filter((part) => part.kind === "check");
  if (boxes.length && !boxes.some((part) => given[part.id])) return false;
  return parts.every((part) => part.kind === "check" || readAnswer(part, given[part.id] || "").answer);
}

/** The verdicts on one question and the share of its points; boxes left alone count as unticked once one was touched. */
async function markQuestion(bank, question, given) {
  const touched = question.parts.some((part) => part.kind === "check" && given[part.id]);
  const verdicts = {};
  for (const part of question.parts) {
    const raw = given[part.id] || (touched && part.kind === "check" ? "0" : "");
    verdicts[part.id] = await openPart(bank, question.item.id, question.variant.variant, part, readRecorded(part, raw));
  }
  const found = Object.values(verdicts);
  const of = Math.max(...found.map((verdict) => verdict.of));
  return { verdicts, share: itemScore(question.item.credit, found.map((verdict) => verdict.credit), of) };
}

function layoutOf(question) {
  if (question.parts.every((part) => part.kind === "check")) return "boxes";
  if (["order", "match"].includes(question.item.type)) return "picks";
  if (question.item.type === "cloze") return "blanks";
  return question.parts.every((part) => part.kind === "choice") ? "radios" : "fields";
}

/** What the player's View takes for the widget's model: `page` and `live` to show, messages to act on. */
class Practice {
  constructor(bank, words, store) {
    this.tell = () => {}; // how marking goes on
    Object.assign(this, { bank, words, store, listeners: [], values: { paged: false, here: 1 }, answers: {}, problems: [] });
  }

  get(name) { return this.values[name]; }
  set(name, value) { this.values[name] = value; }
  save_changes() { this.changed(); }
  on(names, act) { if (names.startsWith("change:")) this.listeners.push(act); else this.reply = act; }
  off() { this.listeners = []; }
  changed() { for (const act of this.listeners) act(); }

  /** Go on where this browser stopped, else begin; `#seed=7` in the address begins with that seed. */
  async open() {
    const asked = /^#seed=(\d{1,15})$/.exec(location.hash);
    const kept = this.store.read();
    this.scores = kept.scores || [];
    this.taken = kept.taken || 0;
    if (asked && Number(asked[1]) !== kept.seed) await this.begin(Number(asked[1]));
    else if (!Number.isSafeInteger(kept.seed)) await this.begin(firstSeed());
    else {
      await this.begin(kept.seed);
      this.answers = kept.answers || {};
      if (kept.submitted) await this.mark();
    }
    this.show();
  }

  async begin(seed) {
    this.seed = seed;
    this.drawn = await drawAttempt(this.bank, seed);
    Object.assign(this, { answers: {}, results: null, submitted: false });
  }

  async mark() {
    this.results = null;
    if (this.bank.mode === "practice") {
      this.results = [];
      for (const [place, question] of this.drawn.entries()) {
        this.tell(`Marking question ${place + 1} of ${this.drawn.length} …`);
        this.results.push(await markQuestion(this.bank, question, this.answers[question.item.id] || {}));
      }
    }
    this.submitted = true;
  }

  /** A message of the page, as the widget gets them. While it marks, a second or more, it hears nothing else. */
  async send(message) {
    if (this.busy) return;
    this.busy = message.do !== "answer";
    try {
      if (message.do === "answer" && !this.submitted) {
        this.answers[message.item] = { ...this.answers[message.item], [message.part]: message.answer };
        this.values.live = this.live();
      } else if (message.do === "submit" && !message.anyway && this.live().unanswered.length) {
        this.reply({ open: true });
        return;
      } else if (message.do === "submit" && !this.submitted && this.left() !== 0) {
        this.answers = recorded(this.drawn, this.answers);
        await this.mark();
        this.taken += 1;
        if (this.results) this.scores.push(this.score());
      } else if (message.do === "retake" && this.submitted && this.left() !== 0) {
        await this.begin((this.seed + 1) % MAX_SEED);
        this.values.here = 1;
      }
    } catch (error) {
      this.reply({ problem: error.message });
      return;
    } finally {
      this.busy = false;
    }
    this.save();
    this.show();
  }

  save() {
    const { seed, answers, submitted, scores, taken } = this;
    const kept = this.store.write({ seed, answers, submitted, scores, taken });
    this.problems = kept ? [] : ["This browser keeps nothing for pages from files: your answers are lost when you close it."];
  }

  show() {
    this.values.live = this.live();
    this.values.page = this.page();
    this.changed();
  }

  score() {
    const worth = this.drawn.map((question) => question.item.points);
    const earned = this.results.map((result, place) => result.share * worth[place]);
    const sum = (values) => values.reduce((total, value) => total + value, 0);
    return sixDigits(sum(earned) / sum(worth));
  }

  left() { return this.bank.attempts === null ? null : Math.max(this.bank.attempts - this.taken, 0); }

  standing() {
    const need = `To pass you need at least ${percent(this.bank.pass)}. We keep your highest score.`;
    if (this.bank.mode === "exam") return this.words.exam;
    if (!this.scores.length) return need;
    const [latest, highest] = [this.scores.at(-1), Math.max(...this.scores)];
    return `Your latest: ${percent(latest)} · Your highest: ${percent(highest)} · ${need}`;
  }

  leftLine() {
    const left = this.left();
    if (left === null) return "";
    return left ? `Attempts left: ${left} of ${this.taken + left}.` : "No attempts are left.";
  }

  live() {
    const unanswered = [];
    const problems = {};
    const meant = {};
    this.drawn.forEach(({ item, parts }, place) => {
      const given = this.answers[item.id] || {};
      if (!isAnswered(parts, given)) unanswered.push(place + 1);
      const found = parts.map((part) => [part.id, readAnswer(part, given[part.id] || "")]);
      problems[item.id] = Object.fromEntries(found.filter(([, one]) => one.problem).map(([id, one]) => [id, one.problem]));
      meant[item.id] = Object.fromEntries(found.filter(([, one]) => one.meant).map(([id, one]) => [id, one.meant]));
    });
    return { answers: this.answers, unanswered, problems, meant };
  }

  page() {
    const { bank, results, submitted } = this;
    const score = results && this.score();
    const passed = results ? Math.max(...this.scores) >= bank.pass - EPSILON : null;
    const reached = results && score >= bank.pass - EPSILON;
    const graded = results && `Your grade: ${percent(score)}. ${reached ? "You passed." : "Not passed yet."}`;
    return {
      key: `${this.seed} ${this.taken} ${submitted}`,
      folders: [],
      phase: submitted ? "results" : "answering",
      mode: bank.mode, title: bank.title, note: bank.note, standing: this.standing(), left: this.leftLine(), passed,
      retake: submitted && this.left() !== 0,
      headline: !submitted ? "" : graded || this.words.unscored,
      problems: this.problems,
      items: this.drawn.map((question, place) => this.question(question, place, results && results[place])),
    };
  }

  question({ item, variant, parts, orders }, place, result) {
    const said = new Set([""]); // feedback that an earlier part has given is not repeated
    const shown = parts.map((part) => {
      const verdict = result && result.verdicts[part.id];
      const options = Object.fromEntries((part.options || []).map((option) => [option.id, option.html]));
      const feedback = verdict && !said.has(verdict.feedback) ? verdict.feedback : "";
      said.add(feedback);
      return {
        id: part.id, kind: part.kind, label: part.label, text: this.text(part.label), unit: part.unit || "", code: Boolean(part.code),
        decimals: part.kind === "number" ? part.decimals : null, feedback,
        right: verdict ? verdict.right : null,
        options: (orders[part.id] || []).map((id) => ({ id, html: options[id], text: this.text(options[id]) })),
      };
    });
    return {
      number: place + 1, id: item.id, title: item.title, points: pointsOf(item.points), stem: variant.stem, parts: shown,
      how: this.words.how[`${item.type} ${item.credit}`] || "", layout: layoutOf({ item, parts }),
      result: result && this.result(item, result.share), review: result ? item.review : null,
    };
  }

  result(item, share) {
    const mark = share >= 1 ? "right" : share > 0 ? "partly" : "wrong";
    const points = `${Number((share * item.points).toPrecision(3))} / ${pointsOf(item.points)}`;
    return { mark, word: this.words.marks[mark], points };
  }

  text(html) { return this.words.texts[html] ?? html; }
}

/** What this browser keeps of a bank; some keep nothing for pages that are opened from a file. */
function makeStore(name) {
  return {
    read() { try { return JSON.parse(localStorage.getItem(name)) || {}; } catch { return {}; } },
    write(state) { try { localStorage.setItem(name, JSON.stringify(state)); return true; } catch { return false; } },
  };
}

/** The player without a kernel: nothing is silent here, so no one is told to look after it. */
class PageView extends View {
  constructor(model, node) {
    super(model, node);
    model.tell = (text) => { this.find(".count").textContent = text; };
  }

  send(message) {
    this.asked = message.do !== "answer";
    this.sent += 1;
    this.model.send(message);
    this.saved(this.sent);
  }
}

function followTheme(button) {
  const system = matchMedia("(prefers-color-scheme: dark)");
  const set = (dark) => {
    document.documentElement.dataset.jpThemeLight = String(!dark);
    button.setAttribute("aria-pressed", String(dark));
  };
  const isDark = () => document.documentElement.dataset.jpThemeLight === "false";
  system.addEventListener("change", (event) => set(event.matches));
  button.addEventListener("click", () => set(!isDark()));
  set(system.matches);
}

async function openPage() {
  const read = (id) => JSON.parse(document.getElementById(id).textContent);
  const place = document.getElementById("quiz");
  followTheme(document.getElementById("dark"));
  if (!globalThis.crypto?.subtle) {
    place.append(make("p", { class: "stopped", role: "alert" }, read("words").insecure));
    return;
  }
  const [bank, words] = [read("bank"), read("words")];
  const practice = new Practice(bank, words, makeStore(`rlhf-quiz ${words.hash}`));
  await practice.open();
  place.replaceChildren();
  new PageView(practice, place);
}

openPage();
