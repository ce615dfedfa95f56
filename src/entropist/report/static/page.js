// Start: everything that needs a script appears now; without one the page is a static picture.
function listenToTheme() {
  const button = document.getElementById("theme");
  const prefersDark = matchMedia("(prefers-color-scheme: dark)");
  const root = document.documentElement;
  const isDark = () => (root.dataset.theme ?? (prefersDark.matches ? "dark" : "light")) === "dark";
  const show = () => button.setAttribute("aria-pressed", String(isDark()));
  button.addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    show();
  });
  prefersDark.addEventListener("change", show);
  show();
}

function listenToPeaks() {
  document.getElementById("peaks").addEventListener("click", (event) => {
    const link = event.target.closest("a");
    if (!link) return;
    event.preventDefault();
    go(Number(link.dataset.token), { pinIt: true });
  });
}

buildStrip();
buildModes();
buildLegend();
buildMap();
setCurrent(0);
listenToStrip();
listenToSearch();
listenToTheme();
listenToPeaks();
document.getElementById("controls").hidden = false;
document.getElementById("help").hidden = false;
document.documentElement.dataset.ready = performance.now().toFixed(1);
