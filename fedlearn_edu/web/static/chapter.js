// What is wider than its column scrolls; who has no mouse comes to it with the Tab key.
addEventListener("DOMContentLoaded", () => {
  const chapter = document.getElementById("chapter");

  function look() {
    const wide = 'math[display="block"], table, .code, .output, .prose .highlight';
    for (const part of chapter.querySelectorAll(wide)) {
      const scrolls = getComputedStyle(part).overflowX !== "visible";
      if (scrolls && part.scrollWidth > part.clientWidth + 1) part.setAttribute("tabindex", "0");
      else part.removeAttribute("tabindex");
    }
  }

  new ResizeObserver(look).observe(chapter);
});
