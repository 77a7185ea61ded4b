// The list of invoices: what is selected and its sums, ranges by shift, and keys. Without it everything is by the form.
(() => {
  const typing = (target) => target.closest("input:not([type=checkbox]), select, textarea, [contenteditable]") !== null;

  const money = (cents) => {
    const whole = (cents < 0n ? -cents : cents).toString().padStart(3, "0");
    const grouped = whole.slice(0, -2).replace(/\B(?=(\d{3})+$)/g, ",");
    return `${cents < 0n ? "-" : ""}${grouped}.${whole.slice(-2)}`;
  };

  const startBar = (form) => {
    const bar = form.querySelector(".select-bar");
    const sums = bar.querySelector("[data-selected-sums]");
    const everything = form.querySelector("[data-select-filter]");
    let last = null;

    const show = () => {
      const ticked = [...form.querySelectorAll("td.tick input:checked")];
      const byCurrency = new Map();
      for (const { dataset } of ticked) {
        byCurrency.set(dataset.currency, (byCurrency.get(dataset.currency) ?? 0n) + BigInt(dataset.cents));
      }
      const words = [...byCurrency].sort().map(([currency, cents]) => `${currency} ${money(cents)}`);
      sums.textContent = everything?.checked ? everything.dataset.sums ?? "" : words.join(" · ");
      bar.classList.toggle("shown", ticked.length > 0 || Boolean(everything?.checked));
    };

    form.addEventListener("click", ({ target, shiftKey }) => {
      const box = target.closest("td.tick input");
      if (!box) return;
      const boxes = [...form.querySelectorAll("td.tick input:not(:disabled)")];
      if (shiftKey && boxes.includes(last)) {
        const [from, to] = [boxes.indexOf(last), boxes.indexOf(box)].sort((a, b) => a - b);
        boxes.slice(from, to + 1).forEach((each) => { each.checked = box.checked; });
        box.dispatchEvent(new Event("change", { bubbles: true }));
      }
      last = box;
    });
    form.addEventListener("change", show);
    document.addEventListener("htmx:afterSwap", show);
    window.addEventListener("pageshow", show);
    show();
  };

  const startKeys = () => {
    const dialog = document.getElementById("keys");
    const rows = () => [...document.querySelectorAll("[data-rows] tbody tr:has(th)")];
    const cursor = () => document.querySelector("[data-rows] tr.cursor");

    const move = (step) => {
      const all = rows();
      const place = all.indexOf(cursor());
      const next = all[place < 0 ? 0 : Math.min(Math.max(place + step, 0), all.length - 1)];
      if (!next) return;
      cursor()?.classList.remove("cursor");
      next.classList.add("cursor");
      next.querySelector("th a").focus({ preventScroll: true });
      next.scrollIntoView({ block: "nearest" });
    };

    // From here the next stops are what can be done with them: nobody tabs through all rows.
    const selectAll = () => {
      const everything = document.querySelector("[data-select-filter]");
      if (!everything) return;
      if (!everything.checked) everything.click();
      everything.focus();
    };

    document.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target) || dialog?.open) return;
      if (event.key === "j") move(1);
      else if (event.key === "k") move(-1);
      else if (event.key === "x") cursor()?.querySelector("td.tick input:not(:disabled)")?.click();
      else if (event.key === "a") selectAll();
      else if (event.key === "?") dialog?.showModal();
      else return;
      event.preventDefault();
    });
  };

  const copyNumber = ({ target }) => {
    const button = target.closest("[data-copy-text]");
    if (button) navigator.clipboard.writeText(button.dataset.copyText);
  };

  document.addEventListener("DOMContentLoaded", () => {
    document.querySelectorAll("form[data-list]").forEach(startBar);
    document.querySelectorAll("[data-needs-js]").forEach((element) => element.removeAttribute("hidden"));
    document.addEventListener("click", copyNumber);
    startKeys();
  });
})();
