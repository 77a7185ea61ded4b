// Counts down what an upload waits for, and tells a screen reader what matters of what changes by itself.
(() => {
  const said = () => document.getElementById("live")?.dataset.said ?? "";

  // The server's clock counts: the reader's may be minutes off.
  const startCountdown = (time) => {
    const ahead = Date.parse(time.dataset.now) - Date.now();
    const rest = document.createElement("span");
    rest.className = "counting";
    rest.setAttribute("aria-hidden", "true");
    time.after(" ", rest);
    const show = () => {
      const seconds = Math.max(0, Math.round((Date.parse(time.dateTime) - Date.now() - ahead) / 1000));
      const parts = [[Math.floor(seconds / 3600), "h"], [Math.floor(seconds / 60) % 60, "min"], [seconds % 60, "s"]];
      const first = parts.findIndex(([number]) => number > 0);
      const words = parts.slice(first, first + 2).map(([number, unit]) => `${number} ${unit}`);
      rest.textContent = seconds ? `(in ${words.join(" ")})` : "(now)";
      return seconds > 0 && time.isConnected;
    };
    const timer = window.setInterval(() => { if (!show()) window.clearInterval(timer); }, 1000);
    show();
  };

  const start = () => document.querySelectorAll("#live [data-countdown]").forEach(startCountdown);

  document.addEventListener("DOMContentLoaded", () => {
    let last = said();
    start();
    document.addEventListener("htmx:afterSwap", () => {
      start();
      if (said() !== last) document.getElementById("said").textContent = last = said();
    });
  });
})();
