// The text as blocks of whole lines. A block is either full (a span for every token) or plain (one text
// node, laid out the same); beyond 20 000 tokens only the blocks near the window are full.
const strip = document.getElementById("strip");
const VIRTUAL_BEYOND = 20000;
const BLOCK = 150; // tokens after which a block ends at the next line break
const TORN = 3000; // tokens after which it ends without one
const virtual = count > VIRTUAL_BEYOND;
const part = /^[\u200c\u200d\p{Mn}\p{Me}]*$/u; // a shown text without width of its own

const state = { scale: scales[0], pinned: -1, hits: new Set(), current: -1 };

// A block runs from character `skip` of token `first` to character `keep` of token `last`: a token such
// as a line break with the next line's indentation may begin in one block and end in the next.
function cutIntoBlocks() {
  const blocks = [];
  let first = 0;
  let skip = 0;
  for (let token = 0; token < count; token++) {
    const text = textOf(token);
    const inBlock = token - first;
    const after = inBlock >= BLOCK ? text.lastIndexOf("\n") + 1 : 0;
    if (after || inBlock >= TORN || token === count - 1) {
      const keep = after && token < count - 1 ? after : text.length;
      blocks.push({ first, skip, last: token, keep, full: false, torn: !after && token < count - 1 });
      [first, skip] = keep < text.length ? [token, keep] : [token + 1, 0];
    }
  }
  return blocks;
}

const blocks = cutIntoBlocks();

function textIn(block, token) {
  const text = textOf(token);
  const begin = token === block.first ? block.skip : 0;
  return text.slice(begin, token === block.last ? block.keep : text.length);
}

function blockOf(token) {
  let low = 0;
  let high = blocks.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (blocks[middle].last < token) low = middle + 1;
    else high = middle;
  }
  return blocks[low];
}

function classOf(token) {
  const bin = binOf(state.scale, token);
  const names = ["t", bin < 0 ? "none" : `b${state.scale.levels[bin]}`];
  if (!scored[token]) names.push("context");
  if (part.test(textOf(token))) names.push("part");
  if (state.hits.has(token)) names.push("hit");
  if (token === state.current) names.push("current");
  if (token === state.pinned) names.push("pinned");
  return names.join(" ");
}

function span(token, text) {
  const made = element("span", classOf(token));
  made.token = token;
  const lines = text.split("\n");
  for (let i = 0; i < lines.length; i++) {
    if (i) made.append(element("i", "nl"), "\n");
    if (lines[i]) made.append(lines[i]);
  }
  return made;
}

function fill(block) {
  if (block.full) return;
  const spans = [];
  for (let token = block.first; token <= block.last; token++) {
    // The blanks before a word stay unpainted, so that words stand apart and none hangs at a line's end.
    const [, before, text] = /^( *(?=\S))?(.*)$/s.exec(textIn(block, token));
    if (before) spans.push(before);
    spans.push(span(token, text));
  }
  block.node.replaceChildren(...spans);
  block.full = true;
}

function flatten(block) {
  let text = "";
  for (let token = block.first; token <= block.last; token++) text += textIn(block, token);
  block.node.replaceChildren(text);
  block.full = false;
}

// The spans of a token: two where a block ends inside it.
function spansOf(token) {
  const at = blocks.indexOf(blockOf(token));
  const near = [blocks[at], blocks[at + 1]].filter((block) => block && block.first <= token && block.full);
  return near.map((block) => block.node.children[token - block.first]);
}

function repaint(token) {
  if (token >= 0) for (const made of spansOf(token)) made.className = classOf(token);
}

function repaintAll() {
  for (const block of blocks) {
    if (block.full) for (const made of block.node.children) made.className = classOf(made.token);
  }
}

const boxOf = (made) => made.getClientRects()[0] ?? made.getBoundingClientRect();

// Scroll a token to the middle of what the controls above and a pinned card below leave free.
function bringIntoView(token) {
  const [made] = spansOf(token);
  const seen = boxOf(made);
  const top = document.getElementById("controls").offsetHeight;
  const card = document.getElementById("pinned");
  const covered = getComputedStyle(card).position === "fixed" ? card.offsetHeight : 0;
  const bottom = innerHeight - covered;
  if (seen.top < top + 20 || seen.bottom > bottom - 20) scrollBy(0, seen.top - (top + bottom) / 2);
}

function buildStrip() {
  for (const block of blocks) {
    block.node = element("div", block.torn ? "block torn" : "block");
    block.node.block = block;
    if (virtual) flatten(block);
    else fill(block);
  }
  strip.replaceChildren(...blocks.map((block) => block.node));
  if (!virtual) return;
  const watch = new IntersectionObserver(
    (entries) => {
      for (const { target, isIntersecting } of entries) {
        const { block } = target;
        const holdsCurrent = block.first <= state.current && state.current <= block.last; // the stop of the Tab key
        if (isIntersecting) fill(block);
        else if (block.full && !holdsCurrent) flatten(block);
      }
    },
    { rootMargin: "1000px 0px" },
  );
  for (const block of blocks) watch.observe(block.node);
  addEventListener("beforeprint", () => blocks.forEach(fill));
}
