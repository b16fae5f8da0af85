// What an attempt shows, from its seed alone: `labkit.quiz.draw` in the browser, which the tests hold this to.

const MAX_SEED = 2 ** 53;

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

/** The questions of an attempt: item, variant, its parts in the order to show, and the orders of their options. */
async function drawAttempt(bank, seed) {
  const byId = Object.fromEntries(bank.items.map((item) => [item.id, item]));
  return Promise.all(bank.groups.map(async (group) => {
    const all = group.flatMap((name) => byId[name].variants.map((variant) => [name, variant.variant]));
    const others = await byDigest(all.slice(1), ([name, number]) => [bank.bank, name, String(number)]);
    const ordered = [all[0], ...others];
    const [name, number] = ordered[seed % ordered.length];
    const item = byId[name];
    const variant = item.variants[number];
    const place = [bank.bank, name, String(number), String(seed)];
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
