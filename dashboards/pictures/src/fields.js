// What Grafana does between query and panel: transformations, field configuration, display names. Its published packages
// have all of it, but leave the registries empty outside of Grafana.
import {
  applyFieldOverrides,
  cacheFieldDisplayNames,
  FieldConfigOptionsRegistry,
  standardTransformers,
  standardTransformersRegistry,
  transformDataFrame,
} from '@grafana/data';
import { lastValueFrom } from 'rxjs';

const STANDARD = ['unit', 'decimals', 'min', 'max', 'thresholds', 'color', 'links', 'displayName', 'noValue', 'mappings'];
const CUSTOM = [
  'drawStyle', 'lineWidth', 'fillOpacity', 'gradientMode', 'showPoints', 'pointSize', 'stacking', 'lineInterpolation', 'barAlignment',
  'spanNulls', 'axisPlacement', 'axisLabel', 'axisColorMode', 'scaleDistribution', 'hideFrom', 'thresholdsStyle', 'cellOptions',
  'width', 'minWidth', 'align', 'inspect', 'axisBorderShow', 'axisCenteredZero', 'insertNulls', 'barWidthFactor',
];
const DEFAULTS = {
  timeseries: {
    drawStyle: 'line', lineWidth: 1, fillOpacity: 0, gradientMode: 'none', showPoints: 'auto', pointSize: 5,
    stacking: { mode: 'none', group: 'A' }, lineInterpolation: 'linear', barAlignment: 0, spanNulls: false, axisPlacement: 'auto',
    axisLabel: '', axisColorMode: 'text', scaleDistribution: { type: 'linear' }, hideFrom: { legend: false, tooltip: false, viz: false },
    thresholdsStyle: { mode: 'off' }, axisBorderShow: false, axisCenteredZero: false, insertNulls: false, barWidthFactor: 0.6,
  },
  table: { align: 'auto', cellOptions: { type: 'auto' }, inspect: false },
};

const option = (id, isCustom) => ({
  id: isCustom ? `custom.${id}` : id, path: id, name: id, isCustom,
  override: () => null, editor: () => null, process: (value) => value, shouldApply: () => true, getItemsCount: () => 1,
});
const registry = new FieldConfigOptionsRegistry(() => [...STANDARD.map((id) => option(id, false)), ...CUSTOM.map((id) => option(id, true))]);

standardTransformersRegistry.setInit(() => {
  const byId = new Map(Object.values(standardTransformers).map((each) => [each.id, each]));
  return [...byId.values()].map((each) => ({ id: each.id, name: each.name ?? each.id, transformation: async () => each }));
});

/** The frames as the panel shows them, and the field configuration that made them so. */
export async function prepare(panel, frames, theme) {
  let data = frames;
  if (panel.transformations?.length) data = await lastValueFrom(transformDataFrame(panel.transformations, data, { interpolate: (text) => text }));
  const fieldConfig = structuredClone(panel.fieldConfig ?? { defaults: {}, overrides: [] });
  const { defaults } = fieldConfig;
  defaults.custom = { ...DEFAULTS[panel.type], ...defaults.custom };
  defaults.color ??= { mode: panel.type === 'timeseries' ? 'palette-classic' : 'thresholds' };
  defaults.thresholds ??= { mode: 'absolute', steps: [{ value: null, color: 'green' }] };
  defaults.thresholds.steps = defaults.thresholds.steps.map((step) => ({ ...step, value: step.value ?? -Infinity }));
  data = applyFieldOverrides({ data, fieldConfig, fieldConfigRegistry: registry, replaceVariables: (text) => text, theme, timeZone: 'utc' });
  cacheFieldDisplayNames(data);
  return { data, fieldConfig };
}
