// The token that the keyboard is on: one stop of the Tab key, moved by the arrow keys.
function setCurrent(token) {
  const before = state.current;
  state.current = token;
  if (before >= 0 && before !== token) {
    for (const made of spansOf(before)) for (const name of ["tabindex", "role", "aria-label"]) made.removeAttribute(name);
  }
  repaint(before);
  fill(blockOf(token));
  const [made] = spansOf(token);
  made.tabIndex = 0;
  made.setAttribute("role", "button");
  made.setAttribute("aria-label", spoken(token));
  repaint(token);
  return made;
}

// Make a token the current one, in sight; pinned if a card is pinned already or `pinIt` says so.
function go(token, { focus = true, pinIt = state.pinned >= 0 } = {}) {
  const made = setCurrent(token);
  if (pinIt) pin(token);
  bringIntoView(token);
  if (focus) made.focus({ preventScroll: true });
  if (!pinIt && focus) showHover(token, boxOf(made));
}

// The token on the line above (-1) or below (1) that stands nearest to the current one.
function onNextLine(direction) {
  const here = boxOf(spansOf(state.current)[0]);
  let best = state.current;
  let nearest = Infinity;
  let line = null;
  for (let token = state.current + direction; token >= 0 && token < count; token += direction) {
    fill(blockOf(token));
    const box = boxOf(spansOf(token)[0]);
    const moved = direction > 0 ? box.top >= here.bottom - 4 : box.bottom <= here.top + 4;
    if (!moved) continue;
    if (line === null) line = box.top;
    if (Math.abs(box.top - line) > 4) break;
    const distance = Math.abs(box.left - here.left);
    if (distance < nearest) [best, nearest] = [token, distance];
  }
  return best;
}

const MOVES = {
  ArrowLeft: () => Math.max(0, state.current - 1),
  ArrowRight: () => Math.min(count - 1, state.current + 1),
  ArrowUp: () => onNextLine(-1),
  ArrowDown: () => onNextLine(1),
  Home: () => 0,
  End: () => count - 1,
};

const tokenAt = (target) => target.closest?.(".t")?.token;

function listenToStrip() {
  strip.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key in MOVES) {
      event.preventDefault();
      go(MOVES[event.key]());
    } else if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      if (state.pinned === state.current) letGo();
      else pin(state.current);
    }
  });
  strip.addEventListener("pointerover", (event) => {
    const token = tokenAt(event.target);
    if (token === undefined || event.pointerType === "touch") hideHover();
    else showHover(token, boxOf(event.target.closest(".t")));
  });
  strip.addEventListener("pointerleave", hideHover);
  strip.addEventListener("focusout", hideHover);
  strip.addEventListener("click", (event) => {
    const token = tokenAt(event.target);
    if (token === undefined || String(getSelection())) return;
    if (token === state.pinned) letGo();
    else go(token, { focus: true, pinIt: true });
  });
  addEventListener("scroll", hideHover, { passive: true });
  addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    hideHover();
    if (state.pinned >= 0) letGo();
  });
}
