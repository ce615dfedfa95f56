// Search in the text as shown, whatever the case and however tokens cut the words.
const query = document.getElementById("query");
const found = document.getElementById("found");
const search = { matches: [], at: -1 };

function findAll(wanted) {
  const starts = new Uint32Array(count);
  let text = "";
  for (let token = 0; token < count; token++) {
    starts[token] = text.length;
    text += textOf(token);
  }
  const pattern = new RegExp(wanted.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&"), "giu");
  const matches = [];
  let token = 0;
  for (const match of text.matchAll(pattern)) {
    while (token + 1 < count && starts[token + 1] <= match.index) token++;
    const tokens = [];
    for (let t = token; t < count && starts[t] < match.index + match[0].length; t++) tokens.push(t);
    matches.push(tokens);
  }
  return matches;
}

function runSearch() {
  search.matches = query.value ? findAll(query.value) : [];
  search.at = -1;
  state.hits = new Set(search.matches.flat());
  repaintAll();
  if (search.matches.length) stepSearch(1);
  else found.textContent = query.value ? "not found" : "";
}

function stepSearch(by) {
  const { matches } = search;
  if (!matches.length) return;
  search.at = (search.at + by + matches.length) % matches.length;
  found.textContent = `${grouped(search.at + 1)} of ${grouped(matches.length)}`;
  go(matches[search.at][0], { focus: false });
}

function listenToSearch() {
  query.addEventListener("input", runSearch);
  query.addEventListener("keydown", (event) => {
    if (event.key !== "Enter") return;
    event.preventDefault();
    stepSearch(event.shiftKey ? -1 : 1);
  });
  addEventListener("keydown", (event) => {
    if (event.key !== "/" || event.ctrlKey || event.metaKey || event.target.closest?.("input")) return;
    event.preventDefault();
    query.focus();
  });
}
