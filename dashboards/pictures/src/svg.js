// The page as SVG: boxes, borders and lines of text where the browser has put them, and canvases as what was drawn there.
const SVG = 'http://www.w3.org/2000/svg';
const SIDES = ['Top', 'Right', 'Bottom', 'Left'];
const round = (number) => Math.round(number * 10) / 10;
const measure = document.createElement('canvas').getContext('2d');

function element(name, attributes) {
  const made = document.createElementNS(SVG, name);
  Object.entries(attributes).forEach(([key, value]) => made.setAttribute(key, typeof value === 'number' ? round(value) : value));
  return made;
}

const isSeen = (color) => color && color !== 'transparent' && !/^rgba\(.*, 0\)$/.test(color);

function overlap(box, clip) {
  const [left, top] = [Math.max(box.left, clip.left), Math.max(box.top, clip.top)];
  return { left, top, width: Math.min(box.right, clip.right) - left, height: Math.min(box.bottom, clip.bottom) - top };
}

function box(node, style, clip) {
  const made = [];
  const { left, top, width, height } = overlap(node.getBoundingClientRect(), clip);
  if (width <= 0 || height <= 0) return made;
  const radius = Math.min(parseFloat(style.borderTopLeftRadius), width / 2, height / 2);
  const rounded = radius ? { rx: radius } : {};
  const widths = SIDES.map((side) => (style[`border${side}Style`] === 'none' ? 0 : parseFloat(style[`border${side}Width`])));
  const colors = SIDES.map((side) => style[`border${side}Color`]);
  const framed = widths.every((each) => each && each === widths[0]) && isSeen(colors[0]);
  if (isSeen(style.backgroundColor)) made.push(element('rect', { x: left, y: top, width, height, fill: style.backgroundColor, ...rounded }));
  if (framed) {
    const half = widths[0] / 2;
    made.push(element('rect', { x: left + half, y: top + half, width: width - 2 * half, height: height - 2 * half, fill: 'none', stroke: colors[0], ...rounded }));
  } else {
    const lines = [[left, top, width, widths[0]], [left + width - widths[1], top, widths[1], height], [left, top + height - widths[2], width, widths[2]], [left, top, widths[3], height]];
    lines.forEach(([x, y, wide, high], side) => {
      if (widths[side] && isSeen(colors[side])) made.push(element('rect', { x, y, width: wide, height: high, fill: colors[side] }));
    });
  }
  return made;
}

/** The lines that a text node is broken into, each with its place. */
function* lines(node) {
  const range = document.createRange();
  let begin = 0;
  let last;
  for (let end = 1; end <= node.length + 1; end++) {
    range.setStart(node, Math.min(end, node.length) - 1);
    range.setEnd(node, Math.min(end, node.length));
    const place = range.getClientRects()[0];
    if (end > node.length || (last && place && place.top > last.bottom - 2)) {
      range.setStart(node, begin);
      range.setEnd(node, end - 1);
      if (last) yield [node.data.slice(begin, end - 1).trim(), range.getBoundingClientRect()];
      begin = end - 1;
    }
    last = place ?? last;
  }
}

function text(node, style, clip) {
  const made = [];
  measure.font = `${style.fontWeight} ${style.fontSize} ${style.fontFamily}`;
  for (let [words, place] of lines(node)) {
    if (!words || place.top < clip.top - 3 || place.bottom > clip.bottom + 3 || place.left >= clip.right - 1) continue;
    let { width } = place;
    if (place.right > clip.right + 1) {
      while (words && measure.measureText(`${words}…`).width > clip.right - place.left) words = words.slice(0, -1);
      words += '…';
      ({ width } = measure.measureText(words));
    }
    const { fontBoundingBoxAscent: over, fontBoundingBoxDescent: under } = measure.measureText(words);
    const line = element('text', { x: place.left, y: (place.top + place.bottom + over - under) / 2, fill: style.color, 'font-size': style.fontSize, textLength: width });
    if (Number(style.fontWeight) > 400) line.setAttribute('font-weight', style.fontWeight);
    line.textContent = words;
    made.push(line);
  }
  return made;
}

function placed(svg, node) {
  const { left, top, width, height } = node.getBoundingClientRect();
  Object.entries({ x: left, y: top, width, height }).forEach(([key, value]) => svg.setAttribute(key, round(value)));
  return svg;
}

function walk(node, into, clip) {
  const style = getComputedStyle(node);
  if (style.display === 'none' || style.visibility === 'hidden' || style.opacity === '0') return;
  if (style.opacity !== '1') into = into.appendChild(element('g', { opacity: style.opacity }));
  if (node instanceof HTMLCanvasElement) {
    if (node.asSvg) into.append(placed(node.asSvg(), node));
    return;
  }
  if (node instanceof SVGSVGElement) {
    const copy = placed(node.cloneNode(true), node);
    copy.setAttribute('fill', style.fill);
    copy.setAttribute('color', style.color);
    into.append(copy);
    return;
  }
  into.append(...box(node, style, clip));
  if (style.overflowX !== 'visible' || style.overflowY !== 'visible') {
    const { left, top, width, height } = overlap(node.getBoundingClientRect(), clip);
    clip = { left, top, right: left + width, bottom: top + height };
  }
  for (const child of node.childNodes) {
    if (child.nodeType === Node.TEXT_NODE && child.data.trim()) into.append(...text(child, style, clip));
    else if (child.nodeType === Node.ELEMENT_NODE) walk(child, into, clip);
  }
}

/** What `node` shows, as the text of an SVG document. */
export function svgOf(node, title) {
  const { width, height } = node.getBoundingClientRect();
  const root = element('svg', { viewBox: `0 0 ${round(width)} ${round(height)}`, 'font-family': 'Inter, Helvetica, Arial, sans-serif', role: 'img' });
  root.appendChild(element('title', {})).textContent = title;
  walk(node, root, { left: 0, top: 0, right: width, bottom: height });
  clips(root);
  return new XMLSerializer().serializeToString(root);
}

/** Canvases name their clip paths by what they are; here each becomes a definition. */
function clips(root) {
  const known = new Map();
  const definitions = root.appendChild(element('defs', {}));
  for (const group of root.querySelectorAll('g[data-clip]')) {
    const { clip } = group.dataset;
    if (!known.has(clip)) {
      known.set(clip, `clip${known.size}`);
      const path = element('clipPath', { id: known.get(clip) });
      path.appendChild(element('path', { d: clip }));
      definitions.append(path);
    }
    group.setAttribute('clip-path', `url(#${known.get(clip)})`);
    delete group.dataset.clip;
  }
}
