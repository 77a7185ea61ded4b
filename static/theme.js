// Runs before the page is painted, so that the chosen theme and the narrow navigation never flash by.
(() => {
  const kept = (name) => {
    try { return window.localStorage.getItem(name); } catch { return null; }
  };
  const root = document.documentElement;
  root.dataset.js = "";
  if (["light", "dark"].includes(kept("theme"))) root.dataset.theme = kept("theme");
  if (kept("nav") === "rail") root.dataset.nav = "rail";
})();
