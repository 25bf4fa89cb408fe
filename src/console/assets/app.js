// The page works without this. What it adds: forms that send themselves, a range dragged over the
// histogram, and a finding laid over it while one points at it.
"use strict";
(() => {
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  document.documentElement.classList.add("js");

  // Lists that apply as soon as something else is chosen.
  for (const form of all("form[data-auto]")) {
    form.addEventListener("change", () => form.requestSubmit());
  }

  // One menu open at a time; Escape and a click elsewhere close it.
  const menus = all("details.menu, details.how");
  const close = (but) => menus.forEach((menu) => { if (menu !== but) menu.open = false; });
  for (const menu of menus) {
    menu.addEventListener("toggle", () => { if (menu.open) close(menu); });
  }
  document.addEventListener("click", (event) => close(event.target.closest("details.menu, details.how")));
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    const open = menus.find((menu) => menu.open);
    if (open) { open.open = false; open.querySelector("summary").focus(); }
  });

  // A bar of the waterfall opens its details.
  const unfold = () => {
    if (!/^#span-\d+$/.test(location.hash)) return;
    const row = document.getElementById(location.hash.slice(1));
    const details = row && row.querySelector("details");
    if (details) details.open = true;
  };
  window.addEventListener("hashchange", unfold);
  unfold();

  const chart = document.querySelector("svg.histogram");
  if (!chart) return;
  const bars = all("a.bar", chart);
  const plot = chart.closest("[data-brush]");

  // Dragging from one bar to another selects from the lower edge of one to the upper edge of the other.
  const brush = chart.querySelector(".brush");
  const left = (bar) => bar.querySelector(".hit").getBoundingClientRect().left;
  const right = (bar) => bar.querySelector(".hit").getBoundingClientRect().right;
  const at = (x) => bars.find((bar) => x < right(bar)) || bars[bars.length - 1];
  let start = null;
  let range = null;
  const draw = (x) => {
    const [from, to] = x < start ? [at(x), at(start)] : [at(start), at(x)];
    const box = chart.getBoundingClientRect();
    brush.setAttribute("x", left(from) - box.left);
    brush.setAttribute("width", Math.max(0, right(to) - left(from)));
    range = [from.dataset.from, to.dataset.to];
  };
  chart.addEventListener("pointerdown", (event) => {
    if (event.button === 0 && event.pointerType !== "touch") { start = event.clientX; range = null; }
  });
  window.addEventListener("pointermove", (event) => {
    if (start === null || (range === null && Math.abs(event.clientX - start) < 5)) return;
    event.preventDefault();
    draw(event.clientX);
  });
  window.addEventListener("pointerup", () => {
    if (start !== null && range !== null) {
      const target = new URL(plot.dataset.brush, location.href);
      target.searchParams.set("slower", range[0]);
      target.searchParams.set("faster", range[1]);
      target.hash = "distribution";
      location.assign(target);
    }
    start = null;
  });
  // The click that ends a drag is not one on the bar below.
  chart.addEventListener("click", (event) => { if (range !== null) event.preventDefault(); }, true);
  chart.addEventListener("dragstart", (event) => event.preventDefault());
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") { start = null; range = null; brush.setAttribute("width", 0); }
  });

  // Pointing at a finding, or going there with the keyboard, lays it over the histogram.
  const legend = document.querySelector(".overlay-entry");
  const name = legend && legend.querySelector("[data-overlay-name]");
  const overs = bars.map((bar) => bar.querySelector(".over"));
  const before = { heights: overs.map((over) => [over.getAttribute("y"), over.getAttribute("height")]), hidden: legend && legend.hidden, name: name && name.textContent };
  const bottom = Number(chart.dataset.bottom);
  const room = bottom - Number(chart.dataset.top);
  const tallest = Number(chart.dataset.tallest);
  const known = new Map();
  let wanted = null;
  const show = (bins, text) => {
    overs.forEach((over, index) => {
      const height = (room * (bins[index] ? bins[index].overlay : 0)) / tallest;
      over.setAttribute("y", bottom - height);
      over.setAttribute("height", height);
    });
    if (legend) { legend.hidden = false; name.textContent = text; }
  };
  const restore = () => {
    wanted = null;
    overs.forEach((over, index) => {
      over.setAttribute("y", before.heights[index][0]);
      over.setAttribute("height", before.heights[index][1]);
    });
    if (legend) { legend.hidden = before.hidden; name.textContent = before.name; }
  };
  const load = (url) => {
    if (!known.has(url)) {
      const answer = fetch(url, { headers: { Accept: "application/json" } })
        .then((response) => (response.ok ? response.json() : Promise.reject(response.status)))
        .then((latency) => latency.histogram);
      known.set(url, answer);
      answer.catch(() => known.delete(url));
    }
    return known.get(url);
  };
  for (const finding of all("[data-overlay]")) {
    const lay = () => {
      const url = finding.dataset.overlay;
      if (wanted === url) return;
      wanted = url;
      // Only the one that is still pointed at when the answer comes; without an answer nothing changes.
      load(url).then((bins) => { if (wanted === url) show(bins, finding.dataset.name); }, () => {});
    };
    finding.addEventListener("pointerenter", lay);
    finding.addEventListener("focusin", lay);
    finding.addEventListener("pointerleave", restore);
    finding.addEventListener("focusout", (event) => { if (!finding.contains(event.relatedTarget)) restore(); });
  }
})();
