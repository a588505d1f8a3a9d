// Lines of readings and evidence, drawn by uPlot from the JSON beside them; a device's line grows as its readings arrive.
'use strict';

const POINTS_KEPT = 5000;
const drawn = new Map();
const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

function number(lang, value) {
  const size = Math.abs(value);
  const maximumFractionDigits = size >= 1000 ? 0 : size >= 100 ? 1 : size >= 1 ? 2 : 3; // as the server writes them
  return value == null ? '–' : value.toLocaleString(lang, { maximumFractionDigits });
}

function options(data, width) {
  const axis = { stroke: colour('--muted'), grid: { stroke: colour('--grid'), width: 1 }, ticks: { stroke: colour('--grid'), width: 1 } };
  const strokes = ['--chart-1', '--chart-2'].map(colour);
  const span = data.times.at(-1) - data.times[0];
  const seconds = span < 600 ? { second: '2-digit' } : {};
  const clock = new Intl.DateTimeFormat(data.lang, { timeZone: data.zone, hour: '2-digit', minute: '2-digit', hourCycle: 'h23', ...seconds, ...(span > 100000 ? { day: 'numeric', month: 'short' } : {}) });
  const exact = new Intl.DateTimeFormat(data.lang, { timeZone: data.zone, dateStyle: 'medium', timeStyle: 'medium' });
  const steps = data.states !== null;
  const said = (value) => (value == null ? '–' : steps ? data.states[value >= 0.5 ? 1 : 0] : `${number(data.lang, value)} ${data.unit}`);
  return {
    width,
    height: 240,
    tzDate: (ts) => uPlot.tzDate(new Date(ts * 1e3), data.zone),
    scales: { y: steps ? { range: [-0.1, 1.1] } : { range: (u, low, high) => padded(low, high) } },
    axes: [
      { ...axis, values: (u, ticks) => ticks.map((ts) => clock.format(ts * 1000)), space: span > 100000 ? 110 : 64 },
      { ...axis, size: 56, values: (u, ticks) => ticks.map((value) => (steps ? data.states[value] : number(data.lang, value))), splits: steps ? () => [0, 1] : undefined },
    ],
    hooks: data.window ? { drawClear: [(u) => shadeWindow(u, data.window)] } : {},
    series: [
      { label: data.time_word, value: (u, ts) => (ts == null ? '–' : exact.format(ts * 1000)) },
      ...data.lines.map((line, i) => ({
        label: line.label,
        stroke: line.tone ? colour(`--${line.tone}`) : strokes[i],
        width: 1.5,
        dash: line.tone ? line.dash : i ? [6, 4] : undefined,
        spanGaps: !data.broken,
        points: { show: data.times.length < 40 },
        paths: steps ? uPlot.paths.stepped({ align: 1 }) : undefined,
        value: (u, value) => said(value),
      })),
    ],
  };
}

// The span that a finding is about, behind the lines.
function shadeWindow(u, [from, to]) {
  const { left, top, width, height } = u.bbox;
  const clamp = (x) => Math.min(Math.max(x, left), left + width);
  const begin = clamp(u.valToPos(from, 'x', true));
  const end = Math.max(clamp(u.valToPos(to, 'x', true)), begin + 2);
  u.ctx.save();
  u.ctx.globalAlpha = 0.35;
  u.ctx.fillStyle = colour('--grid');
  u.ctx.fillRect(begin, top, end - begin, height);
  u.ctx.restore();
}

function padded(low, high) {
  if (low == null) return [0, 1];
  const gap = (high - low || Math.abs(high) || 1) * 0.1;
  return [low >= 0 && low - gap < 0 ? 0 : low - gap, high + gap];
}

function draw(box) {
  const source = document.getElementById(box.dataset.chart);
  if (!source || box.querySelector('.uplot')) return;
  const data = JSON.parse(source.textContent);
  const values = [data.times, ...data.lines.map((line) => line.values)];
  const plot = new uPlot(options(data, box.clientWidth), values, box);
  box.classList.add('drawn');
  const rest = () => plot.setLegend({ idx: values[0].length - 1 });
  setTimeout(rest);
  plot.over.addEventListener('mouseleave', () => setTimeout(rest));
  drawn.set(box, { plot, data, values });
  new ResizeObserver(() => { if (box.clientWidth) plot.setSize({ width: box.clientWidth, height: 240 }); }).observe(box);
  if (box.dataset.liveDevice) follow(box);
}

function redraw() {
  for (const [box, { plot }] of drawn) { plot.destroy(); drawn.delete(box); if (box.isConnected) draw(box); }
}

let source = null;
function follow(box) {
  if (source) return;
  source = new EventSource('/api/v1/stream?device=' + encodeURIComponent(box.dataset.liveDevice));
  source.addEventListener('reading', (event) => {
    const reading = JSON.parse(event.data);
    const chart = drawn.get(box);
    showLatest(reading, chart?.data.lang);
    if (chart && reading.metric === chart.data.metric) append(chart, reading);
  });
}

function append({ plot, values }, reading) {
  const ts = Date.parse(reading.ts) / 1000;
  if (values[0].length && ts <= values[0].at(-1)) return;
  values[0].push(ts);
  values[1].push(reading.value);
  if (values[0].length > POINTS_KEPT) values.forEach((column) => column.shift());
  plot.setData(values);
  plot.setLegend({ idx: values[0].length - 1 });
}

function showLatest(reading, lang) {
  const row = document.querySelector(`#latest tr[data-metric="${CSS.escape(reading.metric)}"]`);
  const time = row?.querySelector('time');
  if (!time || Date.parse(reading.ts) < Date.parse(time.dateTime)) return;
  time.dateTime = reading.ts;
  row.classList.remove('stale');
  const cell = row.querySelector('[data-value]');
  if (row.dataset.low) cell.textContent = reading.value >= 0.5 ? row.dataset.high : row.dataset.low;
  else cell.textContent = `${number(lang, reading.value)} ${row.dataset.unit ?? ''}`.trim();
  refreshAges(row);
}

function drawAll(root) {
  for (const box of root.querySelectorAll('[data-chart]')) draw(box);
}
drawAll(document);
document.body.addEventListener('htmx:afterSettle', () => drawAll(document));
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', redraw);
