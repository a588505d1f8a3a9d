// The energy page's charts, drawn by ECharts from the JSON beside them. Canvas only: no style attributes, so the strict CSP holds.
'use strict';

const charts = new Map();
const shade = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

function option(data) {
  const lang = document.body.dataset.lang;
  const colours = ['--chart-1', '--chart-2'].map(shade);
  const text = { color: shade('--muted'), fontFamily: shade('--font'), fontSize: 12 };
  const said = (value) => (value == null ? '–' : `${value.toLocaleString(lang, { maximumFractionDigits: value < 10 ? 2 : 1 })} ${data.unit}`);
  return {
    animation: false,
    textStyle: text,
    color: colours,
    grid: { left: 0, right: 8, top: data.series.length > 1 ? 32 : 12, bottom: 0, containLabel: true },
    legend: data.series.length > 1 ? { left: 0, top: 0, itemWidth: 14, itemHeight: 8, textStyle: text } : undefined,
    tooltip: {
      trigger: 'axis', renderMode: 'richText', confine: true, valueFormatter: said,
      backgroundColor: shade('--surface'), borderColor: shade('--line-strong'), textStyle: { ...text, color: shade('--text') },
    },
    xAxis: { type: 'category', data: data.labels, axisLabel: { ...text, hideOverlap: true }, axisTick: { show: false }, axisLine: { lineStyle: { color: shade('--line-strong') } } },
    yAxis: { type: 'value', axisLabel: { ...text, formatter: (value) => value.toLocaleString(lang) }, splitLine: { lineStyle: { color: shade('--grid') } } },
    series: data.series.map((series) => ({
      name: series.name, type: series.type, data: series.values, barCategoryGap: '24%', showSymbol: false, step: series.type === 'line' && !series.plain ? 'middle' : undefined,
      color: series.shade ? shade(series.shade) : undefined, lineStyle: { width: 1.5, type: series.dash ? 'dashed' : 'solid' }, itemStyle: { borderRadius: series.type === 'bar' ? [1, 1, 0, 0] : 0 }, emphasis: { disabled: true }, cursor: data.links ? 'pointer' : 'default',
    })),
  };
}

function drawCharts() {
  for (const [box, chart] of charts) if (!box.isConnected) { chart.dispose(); charts.delete(box); }
  for (const box of document.querySelectorAll('[data-echart]')) {
    if (charts.has(box)) continue;
    const data = JSON.parse(document.getElementById(box.dataset.echart).textContent);
    const chart = echarts.init(box, null, { renderer: 'canvas' });
    chart.setOption(option(data));
    if (data.links) chart.on('click', (event) => { location.href = data.links[event.dataIndex]; });
    new ResizeObserver(() => chart.resize()).observe(box);
    box.classList.add('drawn');
    charts.set(box, chart);
  }
}
drawCharts();
document.body.addEventListener('htmx:afterSettle', drawCharts);
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => { charts.forEach((chart) => chart.dispose()); charts.clear(); drawCharts(); });
