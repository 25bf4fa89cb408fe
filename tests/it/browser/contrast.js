// Texts that stand out too little from what is behind them: WCAG 2.2, 1.4.3, which asks for 4.5, or 3
// where letters are large. What is drawn over drawings is left out.
const canvas = document.createElement("canvas");
canvas.width = canvas.height = 1;
const context = canvas.getContext("2d", { willReadFrequently: true });
const known = new Map();
// Any colour of CSS as red, green, blue and opacity from 0 to 1.
const colour = (text) => {
  if (!known.has(text)) {
    context.clearRect(0, 0, 1, 1);
    context.fillStyle = text;
    context.fillRect(0, 0, 1, 1);
    known.set(text, [...context.getImageData(0, 0, 1, 1).data].map((part) => part / 255));
  }
  return known.get(text);
};
const over = ([r, g, b, a], under) => [r, g, b].map((part, index) => part * a + under[index] * (1 - a));
const linear = (part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
const luminance = ([r, g, b]) => 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
const dark = matchMedia("(prefers-color-scheme: dark)").matches;
const behind = (element) => {
  const layers = [];
  for (let at = element; at; at = at.parentElement) layers.push(colour(getComputedStyle(at).backgroundColor));
  const canvasColour = colour("Canvas").slice(0, 3);
  return layers.reverse().reduce((under, layer) => over(layer, under), canvasColour);
};

const problems = new Set();
let seen = 0;
const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
for (let node = texts.nextNode(); node; node = texts.nextNode()) {
  const element = node.parentElement;
  if (!node.data.trim() || element.closest("svg, [aria-hidden=true], script, style, option")) continue;
  if (!element.checkVisibility({ contentVisibilityAuto: true, visibilityProperty: true, opacityProperty: true })) continue;
  const box = element.getBoundingClientRect();
  // What is there for readers of the screen only.
  if (box.width <= 1 || box.height <= 1) continue;
  seen += 1;
  const style = getComputedStyle(element);
  const back = behind(element);
  const front = over(colour(style.color), back);
  const [light, dim] = [luminance(front), luminance(back)].sort((a, b) => b - a);
  const contrast = (light + 0.05) / (dim + 0.05);
  const size = parseFloat(style.fontSize);
  const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
  if (contrast < (large ? 3 : 4.5)) {
    problems.add(`${contrast.toFixed(2)} ${style.color} on ${back.map((part) => Math.round(part * 255))}: ${element.localName}.${element.className} ${node.data.trim().slice(0, 40)}`);
  }
}
return { dark, seen, background: behind(document.body), problems: [...problems] };
