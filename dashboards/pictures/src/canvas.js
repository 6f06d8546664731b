// A canvas holds pixels. This remembers what was drawn on each, as SVG: just what uPlot uses of a 2D context.
const SVG = 'http://www.w3.org/2000/svg';
const round = (number) => Math.round(number * 10) / 10;

/** A path that can be read again. */
class ReadablePath extends Path2D {
  constructor(from) {
    super(from);
    this.steps = from ? [...from.steps] : [];
  }
  moveTo(x, y) {
    super.moveTo(x, y);
    this.steps.push(['M', x, y]);
  }
  lineTo(x, y) {
    super.lineTo(x, y);
    this.steps.push([this.steps.length ? 'L' : 'M', x, y]);
  }
  bezierCurveTo(...points) {
    super.bezierCurveTo(...points);
    this.steps.push(['C', ...points]);
  }
  rect(x, y, width, height) {
    super.rect(x, y, width, height);
    this.steps.push(['M', x, y], ['L', x + width, y], ['L', x + width, y + height], ['L', x, y + height], ['Z']);
  }
  arc(x, y, radius, from, to) {
    super.arc(x, y, radius, from, to);
    const [left, right] = [x - radius, x + radius]; // always whole circles
    this.steps.push(['M', left, y], ['A', radius, radius, 0, 1, 0, right, y], ['A', radius, radius, 0, 1, 0, left, y], ['Z']);
  }
  closePath() {
    super.closePath();
    this.steps.push(['Z']);
  }
  addPath(other) {
    super.addPath(other);
    this.steps.push(...other.steps);
  }
  get d() {
    return this.steps.map(([letter, ...numbers]) => letter + numbers.map(round).join(' ')).join('');
  }
}

const ANCHORS = { left: 'start', start: 'start', center: 'middle', right: 'end', end: 'end' };

/** Follows a context: whatever is drawn on it is also put into `svg`. */
function follow(context) {
  const { canvas } = context;
  let drawn;
  let clips;
  let saved;
  let path;
  const begin = () => {
    drawn = document.createElementNS(SVG, 'g');
    clips = [];
    saved = [];
    path = new ReadablePath();
  };
  begin();

  const add = (name, attributes, text) => {
    const element = document.createElementNS(SVG, name);
    const { a, b, c, d, e, f } = context.getTransform();
    if (a !== 1 || b || c || d !== 1 || e || f) attributes.transform = `matrix(${[a, b, c, d, e, f].map(round).join(' ')})`;
    if (context.globalAlpha !== 1) attributes.opacity = context.globalAlpha;
    Object.entries(attributes).forEach(([key, value]) => element.setAttribute(key, value));
    if (text !== undefined) element.textContent = text;
    let parent = drawn;
    for (const clip of clips) {
      const last = parent.lastElementChild;
      if (last?.dataset.clip === clip) parent = last;
      else {
        parent = parent.appendChild(document.createElementNS(SVG, 'g'));
        parent.dataset.clip = clip;
      }
    }
    parent.appendChild(element);
  };
  const replaced = {
    save: () => saved.push(clips.slice()),
    restore: () => (clips = saved.pop() ?? clips),
    beginPath: () => (path = new ReadablePath()),
    moveTo: (x, y) => path.moveTo(x, y),
    lineTo: (x, y) => path.lineTo(x, y),
    rect: (...box) => path.rect(...box),
    clearRect: begin,
    clip: (given) => clips.push((given instanceof ReadablePath ? given : path).d),
    stroke: (given) => {
      const dash = context.getLineDash();
      const { strokeStyle, lineWidth, lineJoin, lineCap } = context;
      if (!lineWidth || strokeStyle === '#00000000' || strokeStyle === 'rgba(0, 0, 0, 0)') return;
      const attributes = { d: (given ?? path).d, fill: 'none', stroke: strokeStyle, 'stroke-width': lineWidth };
      if (dash.length) attributes['stroke-dasharray'] = dash.join(' ');
      if (lineJoin !== 'miter') attributes['stroke-linejoin'] = lineJoin;
      if (lineCap !== 'butt') attributes['stroke-linecap'] = lineCap;
      if (attributes.d) add('path', attributes);
    },
    fill: (given) => {
      const { d } = given ?? path;
      if (d) add('path', { d, fill: context.fillStyle });
    },
    fillText: (text, x, y) => {
      const [size] = /[\d.]+px/.exec(context.font);
      const baseline = round(y - context.measureText(text).alphabeticBaseline);
      add('text', { x: round(x), y: baseline, fill: context.fillStyle, 'font-size': size, 'text-anchor': ANCHORS[context.textAlign] }, text);
    },
  };
  for (const [name, also] of Object.entries(replaced)) {
    const original = context[name].bind(context);
    context[name] = (...given) => {
      const result = original(...given);
      also(...given);
      return result;
    };
  }
  canvas.asSvg = () => {
    const svg = document.createElementNS(SVG, 'svg');
    svg.setAttribute('viewBox', `0 0 ${canvas.width} ${canvas.height}`);
    svg.appendChild(drawn);
    return svg;
  };
}

const getContext = HTMLCanvasElement.prototype.getContext;
HTMLCanvasElement.prototype.getContext = function (kind, ...given) {
  const context = getContext.call(this, kind, ...given);
  if (kind === '2d' && !this.asSvg) follow(context);
  return context;
};
window.Path2D = ReadablePath;
