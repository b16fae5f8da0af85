// From what was typed to the one spelling that is compared, and from credits to points: what `labkit.quiz.answers` and
// `labkit.quiz.scoring` do in Python, which the tests hold this to.

const MAX_ANSWER = 2000;
const MAX_NUMBER = 40;
const LARGEST_EXPONENT = 30;
const NUMBER = /^([+-]?)(?:([0-9]+)(?:[.,]([0-9]*))?|[.,]([0-9]+))(?:[eE]([+-]?[0-9]{1,3}))?$/;
const SPACE = "\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000"; // Python's
const OUTER = new RegExp(`^[${SPACE}]+|[${SPACE}]+$`, "g");
const GROUPS = /^([+-]?)([1-9][0-9]{0,2}([,.' ])[0-9]{3}(?:\3[0-9]{3})*)(?:(?!\3)[.,]([0-9]+))?((?:[eE][+-]?[0-9]{1,3})?)$/;
const INNER = new RegExp(`[${SPACE}]+`, "g");
const LINES = /\r\n|[\n\v\f\r\x1c-\x1e\x85\u2028\u2029]/;
const trimmed = (text) => text.replace(OUTER, "");

/** Python's `casefold`: to lower, upper and lower case, letter by letter; Cherokee folds to capitals, ı stays. */
function folded(text) {
  const fold = (letter) => {
    if (letter === "ı") return letter;
    if (/[\u13a0-\u13fd\uab70-\uabbf]/.test(letter)) return letter.toUpperCase();
    return letter.toLowerCase().toUpperCase().toLowerCase();
  };
  return [...text].map(fold).join("").normalize("NFC");
}

/** `digits` · 10^`exponent`, rounded half to even to `decimals`, in fixed notation, never −0. */
function fixedNotation(negative, digits, exponent, decimals) {
  const shift = exponent + decimals;
  let units = digits;
  if (shift >= 0) units *= 10n ** BigInt(shift);
  else {
    const divisor = 10n ** BigInt(-shift);
    const twice = 2n * (units % divisor);
    units /= divisor;
    if (twice > divisor || (twice === divisor && units % 2n === 1n)) units += 1n;
  }
  const text = String(units).padStart(decimals + 1, "0");
  const shown = decimals ? `${text.slice(0, -decimals)}.${text.slice(-decimals)}` : text;
  return negative && units ? `-${shown}` : shown;
}

/** What was typed, without the unit and spaces around it, with `-` for any minus sign. */
function bare(raw, unit) {
  let text = trimmed(raw.normalize("NFC")).replace(/[\u2212\u2013\ufe63\uff0d]/g, "-");
  if (unit && text.endsWith(unit)) text = trimmed(text.slice(0, -unit.length));
  return text.replace(new RegExp(`^([+-])[${SPACE}]+`), "$1");
}

/** The number in a record, with a point; empty if it is none. A comma is a decimal comma there. */
const asRecorded = (text) => (NUMBER.test(text) && text.length <= MAX_NUMBER ? text.replace(",", ".") : "");

/** The numbers that a text may stand for: one, or none; two for a comma before a single group of three digits. */
function meanings(text) {
  const plain = asRecorded(text);
  const marked = text.replace(/[\xa0\u2007-\u200a\u202f]/g, " ").replace(/[\u2019\u02bc]/g, "'");
  const found = text.length <= MAX_NUMBER && GROUPS.exec(marked);
  if (!found || (plain && found[3] === ".")) return plain ? [plain] : [];
  const [, sign, whole, mark, after, power] = found;
  const grouped = `${sign}${whole.replaceAll(mark, "")}${after ? `.${after}` : ""}${power}`;
  return plain ? [grouped, plain] : [grouped];
}

/** A number with a point, without needless zeros after it. */
function shortest(number) {
  const [, whole, after = "", power = ""] = /^([^.eE]*)(\.[0-9]*)?([eE].*)?$/.exec(number);
  return whole + after.replace(/0+$/, "").replace(/\.$/, "") + power;
}

const either = (numbers) => `${numbers.map(shortest).join(" or ")}?`;

/** Python's `repr` of a text without control signs. */
function shownAs(raw) {
  const text = [...trimmed(raw)].slice(0, 40).join("");
  return text.includes("'") && !text.includes('"') ? `"${text}"` : `'${text}'`;
}

function rounded(number, raw, decimals) {
  const [, sign, whole = "", after = "", alone = "", power = "0"] = NUMBER.exec(number);
  const fraction = after || alone;
  let digits = BigInt(whole + fraction);
  const exponent = Number(power) - fraction.length;
  const magnitude = exponent + String(digits).length - 1;
  if (digits && magnitude > LARGEST_EXPONENT) {
    return { answer: "", problem: `${shownAs(raw)} is too large. Check the exponent.` };
  }
  if (magnitude < -LARGEST_EXPONENT) digits = 0n;
  return { answer: fixedNotation(Boolean(digits) && sign === "-", digits, digits ? exponent : 0, decimals), problem: "" };
}

function readNumber(raw, decimals, unit) {
  const text = bare(raw, unit);
  const found = meanings(text);
  if (found.length > 1) {
    const problem = `${shownAs(raw)} may be two numbers: ${either(found)} Write the one that you mean, without the comma.`;
    return { answer: "", problem, meant: found.map(shortest) };
  }
  if (found.length) return rounded(found[0], raw, decimals);
  return { answer: "", problem: text ? `${shownAs(raw)} is no number. Write it like 1234.5 or -0,25 or 1.5e-3.` : "" };
}

/** An answer as an attempt keeps it: `1,234,567` as 1234567, `4,480` as `4,480 (4480 or 4.48?)`, all else as typed. */
function toRecord(part, raw) {
  if (part.kind !== "number") return raw;
  const text = bare(raw, part.unit);
  const found = meanings(text);
  if (found.length > 1) return `${trimmed(raw)} (${either(found)})`;
  return found.length && asRecorded(text) !== found[0] ? found[0] : raw;
}

/** The one spelling of an answer that an attempt keeps; empty if it cannot be read. */
function readRecorded(part, kept) {
  if (part.kind !== "number" || [...kept].length > MAX_ANSWER) return readAnswer(part, kept).answer;
  const number = asRecorded(bare(kept, part.unit));
  return number ? rounded(number, kept, part.decimals).answer : "";
}

function readText(raw, part) {
  let text = raw.normalize("NFC");
  if (part.code) {
    const ending = new RegExp(`[${SPACE}]+$`);
    text = text.split(LINES).map((line) => line.replace(ending, "")).join("\n").replace(/^\n+|\n+$/g, "");
  } else text = trimmed(text).replace(INNER, " ");
  return part.case ? text : folded(text);
}

/** The one spelling of an answer to a part, or `problem`: what is wrong with it. */
function readAnswer(part, raw) {
  const length = [...raw].length;
  if (length > MAX_ANSWER) {
    return { answer: "", problem: `This answer has ${length} characters; at most ${MAX_ANSWER} are read.` };
  }
  if (part.kind === "number") return readNumber(raw, part.decimals, part.unit);
  if (part.kind === "text") return { answer: readText(raw, part), problem: "" };
  const allowed = part.kind === "choice" ? part.options.map((option) => option.id) : ["0", "1"];
  return raw && !allowed.includes(raw) ? { answer: "", problem: "This is not among the options." } : { answer: raw, problem: "" };
}

/** The share of an item's points that its parts' credits earn. `of` is the number of true options, 0 if none is known. */
function itemScore(rule, credits, of) {
  if (rule === "per-part") return credits.filter((credit) => credit === 1).length / credits.length;
  if (rule === "right-minus-wrong") {
    const sum = credits.reduce((total, credit) => total + credit, 0);
    return of < 1 ? 0 : Math.min(Math.max(sum / of, 0), 1);
  }
  return credits.every((credit) => credit === 1) ? 1 : 0;
}
