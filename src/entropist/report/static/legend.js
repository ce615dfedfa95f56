// The legend is a histogram: a column a bin; choosing one fades all other tokens. Beside it, a map of the
// whole text: the mean level of each stretch, to click on.
const legend = document.getElementById("legend");
const map = document.getElementById("map");
const STRETCHES = 120;

function histogram(scale) {
  const counts = new Array(scale.labels.length).fill(0);
  for (let token = 0; token < count; token++) {
    const bin = binOf(scale, token);
    if (bin >= 0) counts[bin]++;
  }
  return counts;
}

function choose(level) {
  const same = strip.dataset.only === String(level);
  if (same) delete strip.dataset.only;
  else strip.dataset.only = level;
  for (const button of legend.querySelectorAll("button")) {
    button.setAttribute("aria-pressed", String(button.level === level && !same));
  }
}

function column(scale, bin, counts, total) {
  const share = total ? counts[bin] / total : 0;
  const bar = element("span", "column");
  bar.style.setProperty("--share", counts[bin] / Math.max(...counts, 1));
  const swatch = element("span", `swatch b${scale.levels[bin]}`, scale.labels[bin]);
  const shown = share > 0 && share < 0.01 ? "< 1 %" : `${Math.round(100 * share)} %`;
  const button = element("button", "bin", element("span", "share", shown), bar, swatch);
  button.type = "button";
  button.level = scale.levels[bin];
  button.setAttribute("aria-pressed", "false");
  button.setAttribute("aria-label", `${scale.labels[bin]} ${scale.unit}: ${counts[bin]} tokens, ${shown}; show only these`);
  button.title = `${grouped(counts[bin])} tokens`;
  button.addEventListener("click", () => choose(button.level));
  return button;
}

function buildLegend() {
  const { scale } = state;
  const counts = histogram(scale);
  const total = counts.reduce((sum, each) => sum + each, 0);
  const unit = scale.unit ? `, ${scale.unit} a token` : "";
  delete strip.dataset.only;
  legend.replaceChildren(
    element(
      "p",
      "help",
      element("b", "", scale.label + unit),
      ` ${scale.meaning}.`,
      element("span", "hint", " Choose a bin to see only its tokens."),
    ),
    element("div", "histogram", ...counts.map((_, bin) => column(scale, bin, counts, total))),
  );
}

function meanLevel(scale, first, last) {
  let sum = 0;
  let valued = 0;
  for (let token = first; token < last; token++) {
    const bin = binOf(scale, token);
    if (bin >= 0) [sum, valued] = [sum + scale.levels[bin], valued + 1];
  }
  return valued ? sum / valued : 0;
}

function buildMap() {
  if (count < 4 * STRETCHES) return;
  document.getElementById("overview").hidden = false;
  const stretches = Array.from({ length: STRETCHES }, (_, i) => Math.floor((i * count) / STRETCHES));
  const means = stretches.map((first, i) => meanLevel(state.scale, first, stretches[i + 1] ?? count));
  const low = Math.min(...means) * 0.9;
  const high = Math.max(...means);
  map.replaceChildren(
    ...stretches.map((first, i) => {
      const made = element("span", "", element("i", `b${Math.round(means[i])}`));
      made.style.setProperty("--share", (means[i] - low) / (high - low || 1));
      made.title = `from token ${grouped(first)}`;
      made.addEventListener("click", () => go(first, { focus: false, pinIt: false }));
      return made;
    }),
  );
}

function buildModes() {
  const modes = document.getElementById("modes");
  for (const scale of scales) {
    const input = element("input");
    Object.assign(input, { type: "radio", name: "mode", value: scale.key, checked: scale === state.scale });
    input.addEventListener("change", () => {
      state.scale = scale;
      buildLegend();
      buildMap();
      repaintAll();
    });
    modes.append(element("label", "", input, element("span", "", scale.label)));
  }
}
