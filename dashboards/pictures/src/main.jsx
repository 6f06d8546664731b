// Draws a dashboard's JSON with Grafana's own published components, without a Grafana server. Panels, units, thresholds,
// transformations and theme are Grafana's; the layout of the page and the queries are this file's.
import './canvas.js';
import React from 'react';
import { createRoot } from 'react-dom/client';
import { createTheme, dateTime, getDisplayValueAlignmentFactors, getFieldDisplayValues, LoadingState } from '@grafana/data';
import { BarGauge, BigValue, GlobalStyles, PanelChrome, ThemeContext, TimeSeries } from '@grafana/ui';
import { TableNG } from '@grafana/ui/unstable';
import { prepare } from './fields.js';
import { askAll, secondsOf } from './queries.js';
import { svgOf } from './svg.js';

const page = new URLSearchParams(location.search);
const prometheus = page.get('prometheus');
const until = Number(page.get('until'));
const WIDTH = 1400;
const CELL = 38;
const GAP = 8;
const HEADER = 64;
const CAPTION =
  'Drawn with Grafana’s published UI components from the shipped JSON, without a Grafana server. Data: a simulated product in a real Prometheus.';
const theme = createTheme({ colors: { mode: 'dark' } });
const unchanged = (text) => text;

function Body({ panel, data, fieldConfig, width, height, timeRange }) {
  const options = panel.options ?? {};
  if (!data.some((frame) => frame.length)) return <div style={{ padding: 8 }}>{fieldConfig.defaults.noValue ?? 'No data'}</div>;
  if (panel.type === 'timeseries')
    return <TimeSeries frames={data} timeRange={timeRange} timeZone="utc" width={width} height={height} legend={options.legend} options={options} />;
  if (panel.type === 'table') return <TableNG data={data[0]} width={width} height={height} timeRange={timeRange} structureRev={1} />;
  const values = getFieldDisplayValues({ fieldConfig, reduceOptions: options.reduceOptions, replaceVariables: unchanged, theme, data, timeZone: 'utc' });
  if (panel.type === 'stat')
    return values.map(({ display }, n) => (
      <BigValue key={n} theme={theme} width={width / values.length} height={height} value={display} colorMode="value" graphMode="none" justifyMode="auto" textMode="auto" />
    ));
  const bar = Math.min(options.maxVizHeight, (height - 6 * (values.length - 1)) / values.length);
  const alignmentFactors = getDisplayValueAlignmentFactors(values);
  return (
    <div style={{ display: 'flex', flexDirection: 'column', gap: 6 }}>
      {values.map(({ display, field }, n) => (
        <BarGauge key={n} theme={theme} width={width} height={bar} value={display} field={field} alignmentFactors={alignmentFactors} text={options.text} orientation={options.orientation} displayMode={options.displayMode} showUnfilled={options.showUnfilled} valueDisplayMode={options.valueMode} />
      ))}
    </div>
  );
}

async function main() {
  const dashboard = await (await fetch(`/${page.get('dashboard')}.json`)).json();
  const chosen = dashboard.templating.list.filter((variable) => variable.type === 'query');
  const variables = Object.fromEntries(chosen.map((variable) => [variable.name, variable.allValue]));
  const range = secondsOf(dashboard.time.from);
  const asked = { prometheus, until, range, variables, width: WIDTH };
  const shown = await Promise.all(dashboard.panels.map(async (panel) => ({ panel, ...(await prepare(panel, await askAll(panel, asked), theme)) })));
  const [from, to] = [dateTime((until - range) * 1000), dateTime(until * 1000)];
  const timeRange = { from, to, raw: { from: dashboard.time.from, to: dashboard.time.to } };
  const height = HEADER + CELL * Math.max(...dashboard.panels.map(({ gridPos }) => gridPos.y + gridPos.h)) + GAP;
  const column = (WIDTH - 2 * GAP) / 24;
  const scope = [...chosen.map((variable) => `${variable.label}: All`), `${from.utc().format('YYYY-MM-DD HH:mm')} – ${to.utc().format('YYYY-MM-DD HH:mm')} UTC`];
  createRoot(document.getElementById('root')).render(
    <ThemeContext.Provider value={theme}>
      <GlobalStyles />
      <div style={{ position: 'relative', width: WIDTH, height, background: theme.colors.background.canvas, color: theme.colors.text.primary }}>
        <div style={{ padding: '10px 16px 0', fontSize: 20, fontWeight: 500 }}>
          {dashboard.title}
          <span style={{ fontSize: 12, opacity: 0.7, marginLeft: 16 }}>{scope.join(' · ')}</span>
          <div style={{ fontSize: 11, fontWeight: 400, opacity: 0.6 }}>{CAPTION}</div>
        </div>
        {shown.map(({ panel, ...rest }) => {
          const { x, y, w, h } = panel.gridPos;
          return (
            <div key={panel.id} style={{ position: 'absolute', left: GAP + x * column, top: HEADER + y * CELL }}>
              <PanelChrome title={panel.title} width={w * column - GAP} height={h * CELL - GAP} loadingState={LoadingState.Done} padding="md">
                {(width, innerHeight) => <Body panel={panel} {...rest} width={width} height={innerHeight} timeRange={timeRange} />}
              </PanelChrome>
            </div>
          );
        })}
      </div>
    </ThemeContext.Provider>,
  );
  window.drawn = { height: Math.ceil(height) };
  window.svg = () => svgOf(document.getElementById('root').firstElementChild, `${dashboard.title}. ${CAPTION}`);
}

main().catch((error) => {
  window.drawn = { error: String(error.stack) };
});
