// What is known of one token: the card that follows the pointer, and the one that stays.
const hover = document.getElementById("hover");
const pinned = document.getElementById("pinned");
const LONGEST = 300; // characters of a token in a card

const short = (text) => (text.length > LONGEST ? `${text.slice(0, LONGEST)}… (${grouped(text.length)} characters)` : text);
const figure = (value) => (Number.isFinite(value) ? value.toFixed(3) : "∞");

// A value, or what is known of it where the source was cut.
function amount({ values, high, unit }, token) {
  const value = values[token];
  if (Number.isNaN(value)) return "none";
  const most = high ? high[token] : value;
  if (most === value) return `${figure(value)} ${unit}`;
  return most === Infinity ? `≥ ${figure(value)} ${unit}` : `${figure(value)} to ${figure(most)} ${unit}`;
}

const chance = (token) => (isCensored(token) ? "≤ " : "") + percent(probabilityOf(token));

function nameOf(token) {
  const text = textOf(token);
  return part.test(text) ? `⟨${hexOf(token).toUpperCase().replaceAll(" ", "⟩⟨")}⟩` : visible(text);
}

function rankText(rank) {
  if (Number.isNaN(rank)) return "none";
  return rank === 0 ? "0: none was likelier" : `${grouped(rank)}: so many were likelier`;
}

function facts(token) {
  const list = element("dl", "facts");
  const add = (name, value) => list.append(element("dt", "", name), element("dd", "", value));
  if (scored[token]) {
    add("probability", chance(token));
    for (const scale of scales) {
      const value = scale.values[token];
      add(scale.label.toLowerCase(), scale.unit ? amount(scale, token) : rankText(value));
    }
  }
  for (const { label, texts, of } of notes) if (texts[of[token]]) add(label, texts[of[token]]);
  add("id", String(idOf(token)));
  add("place", `token ${grouped(token)} of ${grouped(count)}`);
  const hex = hexOf(token);
  add("bytes", hex.length > 3 * 48 ? `${hex.slice(0, 3 * 48)}… (${grouped((hex.length + 1) / 3)})` : hex);
  return list;
}

// What the model expected, as bars; the token itself is among them, or below them.
function bars(token) {
  const expected = expectedAt(token);
  const own = idOf(token);
  if (expected.length && expected.every(({ id }) => id !== own)) {
    expected.push({ id: own, text: short(nameOf(token)), probability: probabilityOf(token), below: true });
  }
  const list = element("ol", "bars");
  for (const { id, text, probability, below } of expected) {
    const bar = element("span", "bar");
    bar.style.setProperty("--share", probability);
    const style = below ? "own below" : id === own && "own";
    const share = below ? chance(token) : percent(probability);
    list.append(element("li", style, bar, element("bdi", "", text), element("span", "share", share)));
  }
  return list;
}

function card(token) {
  const made = document.createDocumentFragment();
  made.append(element("p", "token", element("bdi", "", short(nameOf(token)))), facts(token));
  if (!scored[token]) made.append(element("p", "help", "Context: nothing came before it, so nothing predicted it."));
  const expected = bars(token);
  if (expected.children.length) made.append(element("p", "help", "The model expected"), expected);
  return made;
}

// One line for a screen reader.
function spoken(token) {
  if (!scored[token]) return `${short(nameOf(token))}, context`;
  const rank = scaleOf("rank").values[token];
  const figures = ["surprisal", "entropy"].map((key) => `${key} ${amount(scaleOf(key), token)}`);
  return `${short(nameOf(token))}, ${chance(token)}, ${figures.join(", ")}, rank ${rankText(rank)}`;
}

function showHover(token, box) {
  hover.replaceChildren(card(token));
  hover.hidden = false;
  const { width, height } = hover.getBoundingClientRect();
  const below = box.bottom + 8;
  const top = below + height < innerHeight ? below : Math.max(8, box.top - height - 8);
  hover.style.left = `${Math.max(8, Math.min(box.left, innerWidth - width - 8))}px`;
  hover.style.top = `${top}px`;
}

function hideHover() {
  hover.hidden = true;
}

function pin(token) {
  const before = state.pinned;
  state.pinned = token;
  repaint(before);
  repaint(token);
  const step = (name, label, by) => {
    const button = element("button", "", name);
    button.type = "button";
    button.setAttribute("aria-label", label);
    button.addEventListener("click", () => go(Math.max(0, Math.min(count - 1, state.pinned + by)), { focus: false }));
    return button;
  };
  const close = element("button", "close", "Let go");
  close.type = "button";
  close.addEventListener("click", letGo);
  const buttons = element("p", "steps", step("‹", "previous token", -1), step("›", "next token", 1), close);
  pinned.replaceChildren(buttons, card(token));
  pinned.hidden = false;
  hideHover();
}

function letGo() {
  const before = state.pinned;
  state.pinned = -1;
  repaint(before);
  pinned.hidden = true;
}
