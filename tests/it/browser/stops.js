// Remembers where the keyboard has to stop, in the order of the document, and how each place looks
// while the keyboard is elsewhere. Returns how many there are. `stopped(n)` then says what is wrong with
// the place where the keyboard is, which should be the one numbered n.
const SHOWN = ["box-shadow", "background-color", "border-color", "color",
  "text-decoration", "fill", "fill-opacity", "stroke", "stroke-width", "opacity"];
const look = (element) => JSON.stringify([element, ...element.querySelectorAll("*")].map((part) => {
  const style = getComputedStyle(part);
  const outline = style.outlineStyle === "none" ? "" : style.outline;
  return [outline, ...SHOWN.map((name) => style.getPropertyValue(name))];
}));
const visible = (element) => element.checkVisibility({ contentVisibilityAuto: true, visibilityProperty: true })
  && element.getClientRects().length > 0;
const stops = [...document.querySelectorAll("a[href], summary, button, select, input, textarea, [tabindex='0']")]
  .filter((element) => element.type !== "hidden" && visible(element));
const name = (element) => element && element.outerHTML.replace(/\s+/g, " ").slice(0, 120);
const looks = stops.map(look);
window.stopped = (n) => {
  const at = document.activeElement;
  if (at !== stops[n]) return `stop ${n} is at ${name(at)} instead of ${name(stops[n])}`;
  if (look(at) === looks[n]) return `stop ${n} cannot be seen: ${name(at)}`;
  const box = at.getBoundingClientRect();
  const inside = box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth;
  return inside ? null : `stop ${n} is outside of the window: ${name(at)}`;
};
return stops.length;
