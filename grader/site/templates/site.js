// Light and dark, and the search box. All of it works from files too: nothing is fetched.

(() => {
  const root = document.documentElement;
  const kept = (() => {
    try { return localStorage.getItem("theme"); } catch { return null; }
  })();
  const wanted = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
  root.dataset.theme = kept ?? wanted;

  const MOST = 30;
  const AROUND = 60;

  /** Sections that hold every word, those with a word in their heading first. */
  const find = (words) => window.SECTIONS
    .filter((one) => words.every((word) => `${one.title} ${one.text}`.toLowerCase().includes(word)))
    .sort((a, b) => inTitle(b, words) - inTitle(a, words));
  const inTitle = (one, words) => words.filter((word) => one.title.toLowerCase().includes(word)).length;

  const entry = (one, words, pages) => {
    const item = document.createElement("li");
    const link = document.createElement("a");
    link.href = one.anchor ? `${one.page}#${one.anchor}` : one.page;
    link.textContent = one.title;
    const where = document.createElement("div");
    where.className = "where";
    const at = Math.max(0, one.text.toLowerCase().indexOf(words[0]));
    const part = one.text.slice(Math.max(0, at - AROUND), at + 2 * AROUND);
    where.textContent = `${pages.get(one.page) ?? one.page} … ${part} …`;
    item.append(link, where);
    return item;
  };

  document.addEventListener("DOMContentLoaded", () => {
    const theme = document.getElementById("theme");
    const show = () => theme.setAttribute("aria-pressed", String(root.dataset.theme === "dark"));
    theme.addEventListener("click", () => {
      root.dataset.theme = root.dataset.theme === "dark" ? "light" : "dark";
      try { localStorage.setItem("theme", root.dataset.theme); } catch { /* a page of a file may keep nothing */ }
      show();
    });
    show();

    const box = document.getElementById("words");
    const found = document.getElementById("found");
    const pages = new Map([...document.querySelectorAll("nav a")].map((a) => [a.getAttribute("href"), a.textContent]));
    const search = () => {
      const words = box.value.toLowerCase().split(/\s+/).filter(Boolean);
      found.hidden = words.length === 0;
      const hits = words.length ? find(words) : [];
      found.querySelector("p").textContent = `${hits.length} ${hits.length === 1 ? "section" : "sections"} found`;
      found.querySelector("ol").replaceChildren(...hits.slice(0, MOST).map((one) => entry(one, words, pages)));
    };
    box.addEventListener("input", search);
    document.getElementById("search").addEventListener("submit", (event) => {
      event.preventDefault();
      search();
      found.querySelector("a")?.focus();
    });
  });
})();
