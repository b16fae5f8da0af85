// What an attempt shows, from its seed alone: `labkit.quiz.draw` in the browser, which the tests hold this to.

const MAX_SEED = 2 ** 53;
const [RUN, TRIES, NEAR, UNKNOWN, BLOCK] = [64, 64, 0.05 + 1e-9, 0.5, 8];

/** SHA-256 of texts joined by zeros, in hex: compared, they are in the order of their bytes. */
async function digest(...texts) {
  const made = new Uint8Array(await crypto.subtle.digest("SHA-256", utf8(texts.join("\0"))));
  return Array.from(made, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Things in the order of the digests of the texts that `said` makes of them. */
async function byDigest(things, said) {
  const keyed = await Promise.all(things.map(async (thing) => [await digest(...said(thing)), thing]));
  return keyed.sort(([left], [right]) => (left < right ? -1 : left > right ? 1 : 0)).map(([, thing]) => thing);
}

/** Names, those that are free mixed on the places that free ones had. */
async function shuffled(things, isFree, place) {
  const moved = await byDigest(things.filter(isFree).map((thing) => thing.id), (name) => [...place, name]);
  return things.map((thing) => (isFree(thing) ? moved.shift() : thing.id));
}

/** The 32-bit number at a place of a digest in hex. */
const numberAt = (hex, place) => parseInt(hex.slice(8 * place, 8 * place + 8), 16);
const mean = (values) => values.reduce((total, value) => total + value, 0) / values.length;
const difficultyOf = (item) => item.difficulty ?? UNKNOWN;

/** Version 1: items and variants drawn as one. */
async function drawAsOne(bank, groups, seed) {
  return Promise.all(groups.map(async (group) => {
    const all = group.flatMap((item) => item.variants.map((variant) => [item, variant.variant]));
    const others = await byDigest(all.slice(1), ([item, number]) => [bank.bank, item.id, String(number)]);
    return [all[0], ...others][seed % all.length];
  }));
}

/** Another item of a group than the last and one of its variants; another variant where there is one item only. */
function otherOf(group, [last, variant], number) {
  const others = group.filter((item) => item !== last);
  if (others.length) {
    const item = others[number % others.length];
    return [item, Math.floor(number / others.length) % item.variants.length];
  }
  const free = last.variants.map((one) => one.variant).filter((one) => one !== variant);
  return [last, free.length ? free[number % free.length] : variant];
}

async function drawRetake(bank, groups, place, before, wanted) {
  let best = [Infinity, null];
  for (let tries = 0; tries < TRIES; tries += 1) {
    const blocks = await Promise.all(groups.filter((_, number) => number % BLOCK === 0)
      .map((_, block) => digest(bank.bank, ...place, String(tries), String(block))));
    const made = groups.map((group, number) =>
      otherOf(group, before[number], numberAt(blocks[Math.floor(number / BLOCK)], number % BLOCK)));
    const away = Math.abs(mean(made.map(([item]) => difficultyOf(item))) - wanted);
    if (away < best[0]) best = [away, made];
    if (away <= NEAR) break;
  }
  return best[1];
}

/** [item, number of the variant] for each group: `labkit.quiz.draw.draw_items`. */
async function drawItems(bank, seed) {
  const byId = Object.fromEntries(bank.items.map((item) => [item.id, item]));
  const groups = bank.groups.map((group) => group.map((name) => byId[name]));
  if ((bank.draw || 1) === 1) return drawAsOne(bank, groups, seed);
  const [run, place] = [Math.floor(seed / RUN), seed % RUN];
  let drawn = await Promise.all(groups.map(async ([core]) =>
    [core, run ? numberAt(await digest(bank.bank, String(run), core.id), 0) % core.variants.length : 0]));
  const wanted = mean(groups.map((group) => mean(group.map(difficultyOf))));
  for (let number = 1; number <= place; number += 1) {
    drawn = await drawRetake(bank, groups, [String(run), String(number)], drawn, wanted);
  }
  return drawn;
}

/** The seed of a first attempt. */
const firstSeed = () => (Math.floor(Math.random() * (MAX_SEED / RUN)) * RUN) % MAX_SEED;

/** The questions of an attempt: item, variant, its parts in the order to show, and the orders of their options. */
async function drawAttempt(bank, seed) {
  const drawn = await drawItems(bank, seed);
  return Promise.all(drawn.map(async ([item, number]) => {
    const variant = item.variants[number];
    const place = [bank.bank, item.id, String(number), String(seed)];
    const free = (part) => bank.shuffle && part.kind === "check" && !part.fixed;
    const order = await shuffled(variant.parts, free, place);
    const parts = order.map((id) => variant.parts.find((part) => part.id === id));
    const orders = {};
    for (const part of parts) {
      if (part.options) orders[part.id] = await shuffled(part.options, (option) => bank.shuffle && !option.fixed, place);
    }
    return { item, variant, parts, orders };
  }));
}
