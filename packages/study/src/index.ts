/**
 * Test-time scaling studies: error, residual and Lipschitz constants against iterations, as data and as a report.
 * @module study
 */
export type {
  AnswerSeries,
  Axis,
  LipschitzMethod,
  LipschitzValue,
  MetricSummary,
  PeerValue,
  PlainView,
  PlotData,
  PlotSeries,
  Spread,
  StudyMetric,
  StudyModel,
  StudyResult,
  StudyRow,
  StudySection,
  TableData,
  TrainingCurve,
} from './types.ts'
export type { LipschitzStudyOptions, StudyOptions, StudyProgress } from './options.ts'
export { renderHtml } from './html/page.ts'
export { parseStudy, stringifyStudy } from './json.ts'
export { plainView } from './plain.ts'
export { runStudy } from './run.ts'
export { renderText } from './text.ts'
