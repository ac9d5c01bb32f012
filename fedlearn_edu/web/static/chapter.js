// What is wider than its column scrolls; who has no mouse comes to it with the Tab key.
addEventListener("DOMContentLoaded", () => {
  const chapter = document.getElementById("chapter");

  function look() {
    for (const part of chapter.querySelectorAll('math[display="block"], table, .code, .output')) {
      if (part.scrollWidth > part.clientWidth + 1) part.setAttribute("tabindex", "0");
      else part.removeAttribute("tabindex");
    }
  }

  new ResizeObserver(look).observe(chapter);
});
