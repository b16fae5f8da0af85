// Opening what `labkit.quiz.sealed` seals: scrypt (RFC 7914) and AES-SIV (RFC 5297) over the browser's own PBKDF2 and AES.
// Browsers offer these in secure contexts only; pages opened from a file count as one in Chromium and Firefox.

const utf8 = (text) => new TextEncoder().encode(text);
const fromBase64 = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));

/** Eight rounds of Salsa20 (RFC 7914, section 3) on the 16 words of `block`, in place; written out, as it runs often. */
function salsa8(block) {
  let a0 = block[0], a1 = block[1], a2 = block[2], a3 = block[3], a4 = block[4], a5 = block[5], a6 = block[6], a7 = block[7];
  let a8 = block[8], a9 = block[9], a10 = block[10], a11 = block[11], a12 = block[12], a13 = block[13], a14 = block[14], a15 = block[15];
  for (let round = 0; round < 8; round += 2) {
    let t;
    t = a0 + a12; a4 ^= (t << 7) | (t >>> 25); t = a4 + a0; a8 ^= (t << 9) | (t >>> 23);
    t = a8 + a4; a12 ^= (t << 13) | (t >>> 19); t = a12 + a8; a0 ^= (t << 18) | (t >>> 14);
    t = a5 + a1; a9 ^= (t << 7) | (t >>> 25); t = a9 + a5; a13 ^= (t << 9) | (t >>> 23);
    t = a13 + a9; a1 ^= (t << 13) | (t >>> 19); t = a1 + a13; a5 ^= (t << 18) | (t >>> 14);
    t = a10 + a6; a14 ^= (t << 7) | (t >>> 25); t = a14 + a10; a2 ^= (t << 9) | (t >>> 23);
    t = a2 + a14; a6 ^= (t << 13) | (t >>> 19); t = a6 + a2; a10 ^= (t << 18) | (t >>> 14);
    t = a15 + a11; a3 ^= (t << 7) | (t >>> 25); t = a3 + a15; a7 ^= (t << 9) | (t >>> 23);
    t = a7 + a3; a11 ^= (t << 13) | (t >>> 19); t = a11 + a7; a15 ^= (t << 18) | (t >>> 14);
    t = a0 + a3; a1 ^= (t << 7) | (t >>> 25); t = a1 + a0; a2 ^= (t << 9) | (t >>> 23);
    t = a2 + a1; a3 ^= (t << 13) | (t >>> 19); t = a3 + a2; a0 ^= (t << 18) | (t >>> 14);
    t = a5 + a4; a6 ^= (t << 7) | (t >>> 25); t = a6 + a5; a7 ^= (t << 9) | (t >>> 23);
    t = a7 + a6; a4 ^= (t << 13) | (t >>> 19); t = a4 + a7; a5 ^= (t << 18) | (t >>> 14);
    t = a10 + a9; a11 ^= (t << 7) | (t >>> 25); t = a11 + a10; a8 ^= (t << 9) | (t >>> 23);
    t = a8 + a11; a9 ^= (t << 13) | (t >>> 19); t = a9 + a8; a10 ^= (t << 18) | (t >>> 14);
    t = a15 + a14; a12 ^= (t << 7) | (t >>> 25); t = a12 + a15; a13 ^= (t << 9) | (t >>> 23);
    t = a13 + a12; a14 ^= (t << 13) | (t >>> 19); t = a14 + a13; a15 ^= (t << 18) | (t >>> 14);
  }
  block[0] += a0; block[1] += a1; block[2] += a2; block[3] += a3; block[4] += a4; block[5] += a5; block[6] += a6; block[7] += a7;
  block[8] += a8; block[9] += a9; block[10] += a10; block[11] += a11; block[12] += a12; block[13] += a13; block[14] += a14; block[15] += a15;
}

/** scryptBlockMix (section 4): `mixed` becomes the mix of `block`, both 32·r words. */
function blockMix(block, mixed, r) {
  const x = block.slice(-16);
  for (let part = 0; part < 2 * r; part += 1) {
    const goal = 16 * ((part >> 1) + (part & 1 ? r : 0)); // even parts first, then the odd ones
    for (let word = 0; word < 16; word += 1) x[word] ^= block[16 * part + word];
    salsa8(x);
    for (let word = 0; word < 16; word += 1) mixed[goal + word] = x[word];
  }
}

/** scryptROMix (section 5) on 32·r words, in place. Words are little-endian, as they are wherever browsers run. */
function romMix(block, n, r) {
  const size = 32 * r;
  const rows = new Int32Array(n * size);
  let [x, y] = [block.slice(), new Int32Array(size)];
  for (let row = 0; row < n; row += 1) {
    rows.set(x, row * size);
    blockMix(x, y, r);
    [x, y] = [y, x];
  }
  for (let turn = 0; turn < n; turn += 1) {
    const from = (x[size - 16] & (n - 1)) * size; // n is a power of two, at most 2**16
    for (let word = 0; word < size; word += 1) x[word] ^= rows[from + word];
    blockMix(x, y, r);
    [x, y] = [y, x];
  }
  block.set(x);
}

async function pbkdf2(password, salt, length) {
  const key = await crypto.subtle.importKey("raw", password, "PBKDF2", false, ["deriveBits"]);
  const how = { name: "PBKDF2", hash: "SHA-256", salt, iterations: 1 };
  return new Uint8Array(await crypto.subtle.deriveBits(how, key, 8 * length));
}

/** scrypt (section 6): `length` bytes from a password and a salt, which are bytes. */
async function scrypt(password, salt, { n, r, p }, length) {
  const blocks = await pbkdf2(password, salt, 128 * r * p);
  const words = new Int32Array(blocks.buffer);
  for (let block = 0; block < p; block += 1) romMix(words.subarray(32 * r * block, 32 * r * (block + 1)), n, r);
  return pbkdf2(password, blocks, length);
}

const xor = (left, right) => left.map((byte, place) => byte ^ right[place]);
const ZERO = new Uint8Array(16);

/** Doubling in GF(2^128) (RFC 5297, section 2.3). */
function doubled(block) {
  const made = block.map((byte, place) => (byte << 1) | ((block[place + 1] || 0) >>> 7));
  if (block[0] & 0x80) made[15] ^= 0x87;
  return made;
}

/** A text of less than 16 bytes, followed by a one bit and zeros. */
function padded(bytes) {
  const made = ZERO.slice();
  made.set(bytes);
  made[bytes.length] = 0x80;
  return made;
}

/** AES-CMAC (RFC 4493) with a key of AES-CBC: the last block of CBC over the text, whose own last block is masked. */
async function makeCmac(raw) {
  const key = await crypto.subtle.importKey("raw", raw, "AES-CBC", false, ["encrypt"]);
  const chain = async (bytes) => {
    const made = new Uint8Array(await crypto.subtle.encrypt({ name: "AES-CBC", iv: ZERO }, key, bytes));
    return made.slice(bytes.length - 16, bytes.length); // behind it stands a block of padding only
  };
  const whole = doubled(await chain(ZERO));
  const short = doubled(whole);
  return (bytes) => {
    const start = Math.max(Math.ceil(bytes.length / 16) - 1, 0) * 16;
    const last = bytes.slice(start);
    const text = new Uint8Array(start + 16);
    text.set(bytes.subarray(0, start));
    text.set(last.length === 16 ? xor(last, whole) : xor(padded(last), short), start);
    return chain(text);
  };
}

/** AES-SIV (RFC 5297) with a key of 32 or 64 bytes: `open(sealed, ...headers)` gives the plaintext, or null. */
async function makeSiv(key) {
  const half = key.length / 2;
  const cmac = await makeCmac(key.slice(0, half));
  const stream = await crypto.subtle.importKey("raw", key.slice(half), "AES-CTR", false, ["decrypt"]);
  const s2v = async (headers, plain) => {
    let d = await cmac(ZERO);
    for (const header of headers) d = xor(doubled(d), await cmac(header));
    if (plain.length < 16) return cmac(xor(doubled(d), padded(plain)));
    const text = plain.slice();
    for (let place = 0; place < 16; place += 1) text[text.length - 16 + place] ^= d[place];
    return cmac(text);
  };
  return async (sealed, ...headers) => {
    const tag = sealed.slice(0, 16);
    const counter = tag.slice();
    counter[8] &= 0x7f;
    counter[12] &= 0x7f;
    const how = { name: "AES-CTR", counter, length: 64 };
    const plain = new Uint8Array(await crypto.subtle.decrypt(how, stream, sealed.slice(16)));
    const found = await s2v(headers, plain);
    return found.every((byte, place) => byte === tag[place]) ? plain : null;
  };
}

/** A verdict from its bytes, `labkit.quiz.sealed.HEAD` and the feedback, which is not compressed in a page. */
function readVerdict(plain) {
  const [credit, of, right, , high, low] = plain;
  const feedback = new TextDecoder().decode(plain.subarray(6, 6 + 256 * high + low));
  return { credit: (credit << 24) >> 24, of, right: [false, true, null][right], feedback };
}

/** The verdict on a normalised answer, as `labkit.quiz.sealed.open_part`: its own, else the one on other answers. */
async function openPart(bank, item, variant, part, answer) {
  const salt = Uint8Array.from(bank.kdf.salt.match(/../g), (byte) => parseInt(byte, 16));
  const ciphers = part.sealed.map(fromBase64);
  for (const given of answer ? [answer, ""] : [""]) {
    const place = utf8(JSON.stringify([bank.bank, item, variant, part.id, given]));
    const open = await makeSiv(await scrypt(place, salt, bank.kdf, 64));
    const opened = await Promise.all(ciphers.map((cipher) => open(cipher)));
    const plain = opened.find((found) => found !== null);
    if (plain) return readVerdict(plain);
  }
  throw new Error(`${item}: ${part.id} cannot be opened; this page is damaged.`);
}
