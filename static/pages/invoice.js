// One invoice: j and k lead to the next and the previous one. Without it the links do.
(() => {
  const RELATIONS = { j: "next", k: "prev" };

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.closest("input, select, textarea, [contenteditable]")) return;
    const relation = RELATIONS[event.key];
    if (relation) document.querySelector(`.neighbours [rel=${relation}]`)?.click();
  });
})();
