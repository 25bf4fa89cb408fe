// Null if the page is as wide as the window, else how wide it is and what reaches out of it.
const width = document.documentElement.scrollWidth;
if (innerWidth !== 390) return `the window is ${innerWidth} wide`;
if (width <= innerWidth) return null;
// Whether an element's box is cut off by something around it. What is placed absolutely is cut off only by
// what it is placed in.
const cut = (element) => {
  let { position } = getComputedStyle(element);
  for (let at = element.parentElement; at && at !== document.body; at = at.parentElement) {
    const style = getComputedStyle(at);
    if (position === "absolute" && style.position === "static") continue;
    if (position === "fixed") return false;
    if (style.overflowX !== "visible") return true;
    position = style.position;
  }
  return false;
};
const wide = [...document.body.querySelectorAll("*")].filter((element) => {
  const box = element.getBoundingClientRect();
  return box.width > 0 && box.right > innerWidth + 1 && element.checkVisibility({ contentVisibilityAuto: true }) && !cut(element);
});
return `${width}: ${wide.slice(0, 4).map((element) => element.outerHTML.replace(/\s+/g, " ").slice(0, 200)).join(" | ")}`;
