// The trace, as the page carries it: columns in base64, texts once for each different token.
const source = JSON.parse(document.getElementById("data").textContent);

function bytes(text) {
  const raw = atob(text);
  const out = new Uint8Array(raw.length);
  for (let i = 0; i < raw.length; i++) out[i] = raw.charCodeAt(i);
  return out;
}

const integers = (text) => new Uint32Array(bytes(text).buffer);
const floats = (text) => new Float32Array(bytes(text).buffer);

const kind = integers(source.kind);
const count = kind.length;
const scored = bytes(source.scored);
const scales = source.scales.map((scale) => ({
  ...scale,
  values: floats(scale.values),
  high: scale.high && floats(scale.high),
}));
// What a card says besides: a text for each token, or "".
const notes = source.notes.map(({ label, texts, of }) => ({ label, texts, of: integers(of) }));
const scaleOf = (key) => scales.find((scale) => scale.key === key);

const alternatives = {
  piece: integers(source.alternatives.piece),
  logprob: floats(source.alternatives.logprob),
  end: integers(source.alternatives.count),
};
for (let i = 1; i < count; i++) alternatives.end[i] += alternatives.end[i - 1];

const textOf = (token) => source.kinds.text[kind[token]];
const idOf = (token) => source.kinds.id[kind[token]];
const surprisalOf = (token) => scaleOf("surprisal").values[token];
const probabilityOf = (token) => Math.exp(-surprisalOf(token) / source.perNat);
// Whether a server told only how probable a token is at most.
const isCensored = (token) => {
  const { values, high } = scaleOf("surprisal");
  return high !== null && high[token] !== values[token];
};

function hexOf(token) {
  const hex = source.kinds.hex[kind[token]];
  if (hex !== null) return hex.replace(/../g, "$& ").trimEnd();
  return Array.from(new TextEncoder().encode(textOf(token)), (byte) => byte.toString(16).padStart(2, "0")).join(" ");
}

// The likeliest tokens at a place: id, text with visible blanks, probability.
function expectedAt(token) {
  const found = [];
  for (let i = token ? alternatives.end[token - 1] : 0; i < alternatives.end[token]; i++) {
    const piece = alternatives.piece[i];
    found.push({
      id: source.alternatives.id[piece],
      text: source.alternatives.text[piece],
      probability: Math.exp(alternatives.logprob[i]),
    });
  }
  return found;
}

// Bin of a value: edges[b - 1] <= value < edges[b]; -1 where there is none.
function binOf(scale, token) {
  const value = scale.values[token];
  if (Number.isNaN(value)) return -1;
  let bin = 0;
  while (bin < scale.edges.length && value >= scale.edges[bin]) bin++;
  return bin;
}

const visible = (text) =>
  text.replace(/[ \n\t\u00a0]/g, (blank) => ({ " ": "␣", "\n": "↵", "\t": "⇥", "\u00a0": "⍽" })[blank]);

const grouped = (number) => Math.round(number).toString().replace(/\B(?=(\d{3})+$)/g, "\u00a0");

function percent(probability) {
  if (probability >= 0.001 || probability === 0) return `${Number((100 * probability).toPrecision(3))} %`;
  const odds = 1 / probability;
  return odds < 1e9 ? `1 in ${grouped(Number(odds.toPrecision(2)))}` : probability.toExponential(1);
}

// An element; children are elements or texts, and a text only ever becomes a text node.
function element(name, className, ...children) {
  const made = document.createElement(name);
  if (className) made.className = className;
  made.append(...children);
  return made;
}
