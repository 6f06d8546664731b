// A panel's targets, asked of a real Prometheus and turned into the frames that Grafana's components draw.
import { FieldType, toDataFrame } from '@grafana/data';

const UNITS = { s: 1, m: 60, h: 3600, d: 86400, w: 604800 };

/** Seconds in a relative time such as `now-24h`. */
export function secondsOf(relative) {
  const [, count, unit] = /^now-(\d+)([smhdw])$/.exec(relative);
  return Number(count) * UNITS[unit];
}

/** Frames for every target of a panel, at the end of the picture's time range. */
export async function askAll(panel, { prometheus, until, range, variables, width }) {
  const points = (panel.gridPos.w / 24) * (width / 3);
  const step = Math.max(60, Math.ceil(range / points / 60) * 60);
  const several = panel.targets.length > 1;
  const asked = panel.targets.map(async (target) => {
    const expr = substitute(target.expr, variables, range, step);
    const query = new URLSearchParams({ query: expr });
    if (target.instant) query.set('time', until);
    else Object.entries({ start: Math.floor((until - range) / step) * step, end: until, step }).forEach(([k, v]) => query.set(k, v));
    const answer = await (await fetch(`${prometheus}/api/v1/${target.instant ? 'query' : 'query_range'}?${query}`)).json();
    if (answer.status !== 'success') throw new Error(`${panel.title} ${target.refId}: ${answer.error}`);
    return target.format === 'table' ? [tableFrame(target, answer.data.result, several)] : seriesFrames(target, answer.data.result);
  });
  return (await Promise.all(asked)).flat();
}

function substitute(expr, variables, range, step) {
  // Samples of the simulated product are half an hour apart.
  const builtIn = { __range: `${range}s`, __rate_interval: `${Math.max(7200, step + 3600)}s` };
  return expr.replace(/\$\{?(\w+)\}?/g, (all, name) => builtIn[name] ?? variables[name] ?? all);
}

function tableFrame(target, result, several) {
  const labels = [...new Set(result.flatMap((series) => Object.keys(series.metric)))].sort();
  const fields = [
    { name: 'Time', type: FieldType.time, values: result.map((series) => series.value[0] * 1000) },
    ...labels.map((name) => ({ name, type: FieldType.string, values: result.map((series) => series.metric[name] ?? '') })),
    { name: several ? `Value #${target.refId}` : 'Value', type: FieldType.number, values: result.map((series) => Number(series.value[1])) },
  ];
  return toDataFrame({ refId: target.refId, fields });
}

function seriesFrames(target, result) {
  return result.map((series) => {
    const points = series.values ?? [series.value];
    const displayNameFromDS = target.legendFormat?.replace(/\{\{\s*(\w+)\s*\}\}/g, (_, label) => series.metric[label] ?? '');
    return toDataFrame({
      refId: target.refId,
      fields: [
        { name: 'Time', type: FieldType.time, values: points.map(([time]) => time * 1000) },
        { name: 'Value', type: FieldType.number, labels: series.metric, config: { displayNameFromDS }, values: points.map(([, value]) => Number(value)) },
      ],
    });
  });
}
