// What is wrong with the page for whoever cannot see it well: a list of sentences.
const problems = [];
const name = (element) => element.outerHTML.replace(/\s+/g, " ").slice(0, 160);
const all = (selector) => [...document.querySelectorAll(selector)];
const say = (what, element) => problems.push(`${what}: ${name(element)}`);

if (!document.documentElement.lang) problems.push("the page does not say its language");
if (!document.title.trim()) problems.push("the page has no title");
if (all("main").length !== 1) problems.push("there is not one main part");

const ids = new Set();
for (const element of all("[id]")) {
  if (ids.has(element.id)) say("an id is there twice", element);
  ids.add(element.id);
}
for (const attribute of ["aria-labelledby", "aria-describedby", "aria-controls", "for"]) {
  for (const element of all(`[${attribute}]`)) {
    for (const id of element.getAttribute(attribute).split(/\s+/)) {
      if (!ids.has(id)) say(`${attribute} leads nowhere`, element);
    }
  }
}

let level = 0;
for (const heading of all("h1, h2, h3, h4, h5, h6")) {
  const next = Number(heading.localName[1]);
  if (next > level + 1) say(`a heading of level ${next} follows one of level ${level}`, heading);
  if (!heading.textContent.trim()) say("a heading says nothing", heading);
  level = next;
}
if (all("h1").length !== 1) problems.push("there is not one main heading");

for (const field of all("input:not([type=hidden]), select, textarea")) {
  const labels = [...field.labels].map((label) => {
    const copy = label.cloneNode(true);
    copy.querySelectorAll("input, select, textarea, option").forEach((part) => part.remove());
    return copy.textContent.trim();
  });
  if (!labels.some(Boolean) && !field.getAttribute("aria-label")) say("a field has no label", field);
}

for (const image of all("img")) if (!image.hasAttribute("alt")) say("an image has no text", image);
// A drawing within a drawing is a part of it.
for (const drawing of all("svg:not(svg svg)")) {
  const hidden = drawing.closest("[aria-hidden=true]") !== null;
  const told = drawing.getAttribute("aria-label") || drawing.getAttribute("aria-labelledby")
    || [...drawing.children].some((child) => child.localName === "title" && child.textContent.trim());
  if (!hidden && !told) say("a drawing has no text", drawing);
  if (!hidden && told && !drawing.getAttribute("role")) say("a drawing has no role", drawing);
}
for (const table of all("table")) {
  if (!table.querySelector("th[scope=col]")) say("a table has no heads", table);
}
return problems;
