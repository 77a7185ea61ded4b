// Comforts only: every page works without this file.
(() => {
  const selectable = (form) => [...form.querySelectorAll("td.tick input:not(:disabled)")];

  const showSelection = (form) => {
    const boxes = selectable(form);
    const ticked = boxes.filter((box) => box.checked).length;
    const everything = form.querySelector("[data-select-filter]");
    const page = form.querySelector("[data-select-page]");
    const count = form.querySelector("[data-selected-count]");
    if (page) {
      page.checked = ticked > 0 && ticked === boxes.length;
      page.indeterminate = ticked > 0 && ticked < boxes.length;
    }
    if (count) {
      const number = everything?.checked ? Number(everything.dataset.selectFilter) : ticked;
      count.textContent = `${number.toLocaleString("en")} selected`;
    }
  };

  const startSelection = (form) => {
    const everything = form.querySelector("[data-select-filter]");
    form.querySelectorAll("[data-needs-js]").forEach((element) => element.removeAttribute("hidden"));
    form.addEventListener("change", ({ target }) => {
      if (target.matches("[data-select-page]")) {
        selectable(form).forEach((box) => { box.checked = target.checked; });
        if (everything && !target.checked) everything.checked = false;
      } else if (target === everything) {
        selectable(form).forEach((box) => { box.checked = everything.checked; });
      } else if (target.closest("td.tick") && !target.checked && everything) {
        everything.checked = false;
      }
      showSelection(form);
    });
    showSelection(form);
  };

  const startCopy = (button) => {
    button.hidden = false;
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent.trim());
      const status = button.parentElement.querySelector("[role=status]");
      status.textContent = "Copied";
      window.setTimeout(() => { status.textContent = ""; }, 3000);
    });
  };

  // A button that waits for an answer says so, and is not pressed twice. It stays enabled: a disabled one is not sent.
  const startBusy = (event) => {
    const button = event.submitter ?? event.target.querySelector("[data-busy]");
    if (event.defaultPrevented || !button?.dataset.busy) return;
    if (event.target.dataset.sent) {
      event.preventDefault();
      return;
    }
    event.target.dataset.sent = "true";
    button.style.minWidth = `${button.offsetWidth}px`;
    button.dataset.idle = button.innerHTML;
    button.setAttribute("aria-busy", "true");
    button.textContent = button.dataset.busy;
  };

  const endBusy = () => document.querySelectorAll("[data-busy][aria-busy]").forEach((button) => {
    button.removeAttribute("aria-busy");
    button.innerHTML = button.dataset.idle;
    delete button.form.dataset.sent;
  });

  const closeMenus = (event) => {
    document.querySelectorAll("details.menu[open]").forEach((menu) => {
      const escape = event.type === "keydown" && event.key === "Escape";
      if (escape && menu.contains(document.activeElement)) menu.querySelector("summary").focus();
      if (escape || (event.type === "click" && !menu.contains(event.target))) menu.open = false;
    });
  };

  // What updates by itself must not take the reader's place away: where they scrolled, what they focused or marked.
  const nameOf = (element) =>
    element.getAttribute("href") || element.getAttribute("aria-label") ||
    (element.form ? element.form.action + new FormData(element.form).get("invoice") : "");

  // What comes above a row pushes it away from whoever reads it; nobody does who sees where the rows begin.
  const rowRead = (live) => {
    const placed = (link) => ({ name: nameOf(link), top: link.getBoundingClientRect().top });
    const links = [...live.querySelectorAll("tbody a")].map(placed);
    return links[0]?.top < 0 ? links.find((each) => each.top > 0) : undefined;
  };

  const startLive = () => {
    let place = null;
    document.addEventListener("htmx:beforeRequest", (event) => {
      const marked = document.getSelection();
      if (!marked.isCollapsed && event.target.contains(marked.anchorNode)) event.preventDefault();
    });
    // What was pressed and is not answered yet would come back as if it was not.
    document.addEventListener("htmx:beforeSwap", (event) => {
      if (event.target.querySelector("[aria-busy]")) event.detail.shouldSwap = false;
    });
    document.addEventListener("htmx:beforeSwap", ({ target }) => {
      const box = target.querySelector(".table-box");
      const focused = target.contains(document.activeElement) ? nameOf(document.activeElement) : "";
      place = { top: box?.scrollTop, left: box?.scrollLeft, focused, read: rowRead(target) };
    });
    document.addEventListener("htmx:afterSwap", () => {
      const live = document.getElementById("live");
      const box = live.querySelector(".table-box");
      if (box) box.scrollTo(place.left ?? 0, place.top ?? 0);
      const read = place.read && [...live.querySelectorAll("tbody a")].find((each) => nameOf(each) === place.read.name);
      if (read) window.scrollBy(0, read.getBoundingClientRect().top - place.read.top);
      const candidates = [...live.querySelectorAll("a, button, [tabindex]")];
      if (place.focused) candidates.find((each) => nameOf(each) === place.focused)?.focus({ preventScroll: true });
    });
  };

  const keep = (name, value) => {
    try { window.localStorage.setItem(name, value); } catch { /* A browser that keeps nothing forgets it. */ }
  };

  const startTheme = (group) => {
    const root = document.documentElement;
    const show = () => group.querySelectorAll("[data-theme-choice]").forEach((button) => {
      button.setAttribute("aria-pressed", String(button.dataset.themeChoice === (root.dataset.theme ?? "system")));
    });
    group.hidden = false;
    group.addEventListener("click", ({ target }) => {
      const choice = target.dataset.themeChoice;
      if (!choice) return;
      if (choice === "system") delete root.dataset.theme;
      else root.dataset.theme = choice;
      keep("theme", choice);
      show();
      document.dispatchEvent(new CustomEvent("theme:changed"));
    });
    show();
  };

  const startCollapse = (button) => {
    const root = document.documentElement;
    const show = () => button.setAttribute("aria-expanded", String(root.dataset.nav !== "rail"));
    button.hidden = false;
    button.addEventListener("click", () => {
      if (root.dataset.nav === "rail") delete root.dataset.nav;
      else root.dataset.nav = "rail";
      keep("nav", root.dataset.nav ?? "wide");
      show();
    });
    show();
  };

  const findByKey = (event) => {
    if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.closest("input, select, textarea, [contenteditable]")) return;
    const field = document.getElementById("find");
    if (!field) return;
    event.preventDefault();
    field.focus();
  };

  // The next page shows times in this browser's zone, unless its reader chose another.
  const tellZone = () => {
    const zone = new Intl.DateTimeFormat().resolvedOptions().timeZone;
    if (!/^[\w+/-]{1,64}$/.test(zone ?? "") || document.cookie.split("; ").includes(`time_zone=${zone}`)) return;
    const secure = window.location.protocol === "https:" ? "; Secure" : "";
    document.cookie = `time_zone=${zone}; Path=/; Max-Age=31536000; SameSite=Lax${secure}`;
  };

  document.addEventListener("DOMContentLoaded", () => {
    tellZone();
    document.addEventListener("keydown", findByKey);
    document.querySelectorAll("[data-theme-choices]").forEach(startTheme);
    document.querySelectorAll("[data-collapse]").forEach(startCollapse);
    if (document.getElementById("live")) startLive();
    document.querySelectorAll("form[data-selection]").forEach(startSelection);
    document.querySelectorAll("[data-copy]").forEach(startCopy);
    document.addEventListener("submit", startBusy);
    document.addEventListener("click", closeMenus);
    document.addEventListener("keydown", closeMenus);
  });
  // Going back restores the ticks of before without telling anyone.
  window.addEventListener("pageshow", () => {
    document.querySelectorAll("form[data-selection]").forEach(showSelection);
    endBusy();
  });
})();
