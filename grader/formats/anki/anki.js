// The options of a card stand in another order each time, and on the back in that of the front. Written for old web
// views too. `{{Id}}` is filled in by Anki.

(function () {
  var name = "rlhf-lab-kit {{Id}}", back = !!document.getElementById("answer"), seed = "";
  try {
    if (!back) sessionStorage.setItem(name, String(Math.random()));
    seed = sessionStorage.getItem(name) || "";
  } catch (error) { return; }
  if (!seed) return;
  var value = Math.floor(Number(seed) * 2147483646) + 1;
  var next = function () { value = value * 48271 % 2147483647; return value; };
  document.querySelectorAll("#options ol.options.shuffled").forEach(function (list) {
    var all = Array.from(list.children), isFree = function (entry) { return !entry.classList.contains("fixed"); };
    var free = all.filter(isFree);
    for (var last = free.length - 1; last > 0; last -= 1) {
      var other = next() % (last + 1), kept = free[last];
      free[last] = free[other]; free[other] = kept;
    }
    all.forEach(function (entry) { list.append(isFree(entry) ? free.shift() : entry); });
    Array.from(list.children).forEach(function (entry, place) { entry.value = place + 1; });
  });
})();
