// Counts down, then tries again; waits while nobody looks.
(() => {
  const line = document.querySelector("[data-retry]");
  let left = Number(line.dataset.retry);
  setInterval(() => {
    if (document.hidden) return;
    left -= 1;
    if (left <= 0) location.reload();
    else line.textContent = line.dataset.text.replace("{n}", left);
  }, 1000);
})();
