// The charts, drawn from the tables below them; without this file the tables are there.
(() => {
  const token = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const drawn = new Map();

  const resolved = (name) => {
    const probe = document.createElement("i");
    probe.className = `probe-${name}`;
    document.body.append(probe);
    const { color } = getComputedStyle(probe);
    probe.remove();
    return color;
  };

  const read = (table) => {
    const heads = [...table.querySelectorAll("thead th")].slice(1).map((each) => each.textContent.trim());
    const rows = [...table.querySelectorAll("tbody tr")];
    const number = (cell) => Number(cell.textContent.replaceAll(",", ""));
    return {
      labels: rows.map((row) => row.querySelector("th").textContent.trim()),
      series: heads.map((label, place) => ({ label, data: rows.map((row) => number(row.querySelectorAll("td")[place])) })),
    };
  };

  const draw = (canvas) => {
    const { labels, series } = read(document.querySelector(`[data-chart-of="${canvas.dataset.chart}"]`));
    const [accent, line, quiet] = ["accent", "line", "quiet"].map(resolved);
    const lying = canvas.dataset.chart !== "billed";
    drawn.get(canvas)?.destroy();
    drawn.set(canvas, new window.Chart(canvas, {
      type: "bar",
      data: { labels, datasets: series.map((each, place) => ({ ...each, backgroundColor: place ? line : accent, borderRadius: 3 })) },
      options: {
        animation: window.matchMedia("(prefers-reduced-motion: reduce)").matches ? false : { duration: 250 },
        indexAxis: lying ? "y" : "x",
        maintainAspectRatio: false,
        font: { family: token("--font") },
        plugins: { legend: { display: false } },
        scales: {
          x: { stacked: true, grid: { display: false }, ticks: { color: quiet, maxTicksLimit: lying ? (canvas.clientWidth < 400 ? 3 : 4) : 12 }, border: { color: line } },
          y: { stacked: true, grid: { color: lying ? "transparent" : line }, ticks: { color: quiet, maxTicksLimit: 5 }, border: { display: false } },
        },
      },
    }));
  };

  const forget = (chart, canvas) => {
    if (canvas.isConnected) return;
    chart.destroy();
    drawn.delete(canvas);
  };

  const drawAll = () => {
    drawn.forEach(forget);
    if (window.Chart) document.querySelectorAll("canvas[data-chart]").forEach(draw);
  };

  document.addEventListener("DOMContentLoaded", drawAll);
  document.addEventListener("htmx:afterSettle", ({ target }) => { if (target.id === "charts") drawAll(); });
  document.addEventListener("theme:changed", drawAll);
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
})();
