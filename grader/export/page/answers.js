// From what was typed to the one spelling that is compared, and from credits to points: what `labkit.quiz.answers` and
// `labkit.quiz.scoring` do in Python, which the tests hold this to.

const MAX_ANSWER = 2000;
const MAX_NUMBER = 40;
const LARGEST_EXPONENT = 30;
const NUMBER = /^([+-]?)(?:([0-9]+)(?:[.,]([0-9]*))?|[.,]([0-9]+))(?:[eE]([+-]?[0-9]{1,3}))?$/;
const SPACE = "\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000"; // Python's
const OUTER = new RegExp(`^[${SPACE}]+|[${SPACE}]+$`, "g");
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

function readNumber(raw, decimals, unit) {
  let text = trimmed(raw.normalize("NFC")).replace(/[\u2212\u2013\ufe63\uff0d]/g, "-");
  if (unit && text.endsWith(unit)) text = trimmed(text.slice(0, -unit.length));
  text = text.replace(new RegExp(`^([+-])[${SPACE}]+`), "$1");
  if (!text) return { answer: "", problem: "" };
  const shown = `'${[...trimmed(raw)].slice(0, 40).join("")}'`;
  const found = NUMBER.exec(text);
  if (!found || text.length > MAX_NUMBER) {
    return { answer: "", problem: `${shown} is no number. Write it like 1234.5 or -0,25 or 1.5e-3.` };
  }
  const [, sign, whole = "", after = "", alone = "", power = "0"] = found;
  const fraction = after || alone;
  let digits = BigInt(whole + fraction);
  const exponent = Number(power) - fraction.length;
  const magnitude = exponent + String(digits).length - 1;
  if (digits && magnitude > LARGEST_EXPONENT) {
    return { answer: "", problem: `${shown} is too large. Check the exponent.` };
  }
  if (magnitude < -LARGEST_EXPONENT) digits = 0n;
  return { answer: digits ? fixedNotation(sign === "-", digits, exponent, decimals) : fixedNotation(false, 0n, 0, decimals), problem: "" };
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
