/*
 * The schema `equilibria-study/1`: what a study is, as plain JSON. Every number is finite; what could not be measured is
 * `null`. Fields may be added within version 1; none changes its meaning or goes away.
 */

import type { StudySection } from '@equilibria/spec'

/* What a domain adds is part of the contract. */
export type { Axis, PlotData, PlotSeries, StudySection, TableData } from '@equilibria/spec'

/** How one quantity is spread over samples. `null` where no sample gave a finite value. */
export interface Spread {
  readonly p05: number | null
  readonly p25: number | null
  readonly p50: number | null
  readonly p75: number | null
  readonly p95: number | null
  readonly max: number | null
}

/** One metric at one depth: the mean over samples with its confidence interval, and the spread. */
export interface MetricSummary extends Spread {
  readonly mean: number | null
  /** Ends of the confidence interval of the mean (`settings.interval` says how). */
  readonly low: number | null
  readonly high: number | null
  /** Samples with a finite value, over which everything here is taken. */
  readonly count: number
  /** Samples whose value was NaN or infinite: left out above, and never hidden. */
  readonly nonFinite: number
}

/** `L_t` at one depth. */
export interface LipschitzValue {
  readonly value: number | null
  readonly low: number | null
  /** `null` for the aggregator `max`: nothing bounds it from above. */
  readonly high: number | null
  /** What rounding to float32 alone would show at this radius; a value near it says nothing. */
  readonly floor: number | null
  /** The same aggregate for each perturbation by itself; empty for power iteration. */
  readonly byPerturbation: Readonly<Record<string, number | null>>
}

/** One depth of one model. */
export interface StudyRow {
  /** Steps `t` of the solver. An explicit model has one row, with `steps: 0`. */
  readonly steps: number
  /** By metric name. */
  readonly metrics: Readonly<Record<string, MetricSummary>>
  /** Relative residual `‖G(z) − z‖ / max(‖z‖, 1)`; `null` for explicit models. */
  readonly residual: Spread | null
  readonly lipschitz: LipschitzValue | null
  /** Evaluations of `G` per sample up to here. */
  readonly evaluations: number
  /** Wall time of one prediction at this depth, per sample, in milliseconds; `null` when timing was switched off. */
  readonly milliseconds: number | null
}

/** What was measured as `L_t`, so that the number can be compared with another. */
export interface LipschitzMethod {
  readonly method: 'ascent' | 'perturbations' | 'power'
  readonly aggregator: string
  /** 2-norm by which an input was moved. */
  readonly radius: number | null
  readonly samples: number
  readonly perturbations: readonly string[]
  /** How the interval was made. */
  readonly interval: string
  readonly dtype: 'float32'
  /** One sentence. */
  readonly statement: string
}

/** The course of a training run: any number of series over one axis. */
export interface TrainingCurve {
  /** What the axis counts: `epoch`, `step`. */
  readonly unit: string
  readonly series: readonly {
    readonly label: string
    readonly points: readonly (readonly [at: number, value: number])[]
  }[]
  /** What the values are: `training loss`. */
  readonly yLabel?: string
  readonly seconds?: number
}

/** A `View` whose arrays are plain, so that it survives JSON. Images hold bytes 0–255. */
export type PlainView =
  | { readonly kind: 'text'; readonly title?: string; readonly text: string }
  | {
      readonly kind: 'table'
      readonly title?: string
      readonly columns: readonly string[]
      readonly rows: readonly (readonly (string | number | null)[])[]
    }
  | {
      readonly kind: 'image'
      readonly title?: string
      readonly width: number
      readonly height: number
      readonly channels: 1 | 3
      readonly values: readonly number[]
    }
  | {
      readonly kind: 'field'
      readonly title?: string
      readonly width: number
      readonly height: number
      readonly values: readonly (number | null)[]
      readonly unit?: string
    }
  | {
      readonly kind: 'series'
      readonly title?: string
      readonly xLabel: string
      readonly yLabel: string
      readonly series: readonly { readonly label: string; readonly values: readonly (number | null)[] }[]
    }

/** The answers to one sample at increasing depth. */
export interface AnswerSeries {
  readonly sample: number
  readonly answers: readonly { readonly steps: number; readonly view: PlainView }[]
}

/** One model of a study: what it is, its rows over depths, and how it was trained. */
export interface StudyModel {
  readonly name: string
  readonly depth: 'implicit' | 'explicit'
  readonly parameters: number
  readonly rows: readonly StudyRow[]
  readonly lipschitz: LipschitzMethod | null
  /** The headline metric of every sample at the deepest row, in order; `null` where not finite. */
  readonly perSample: readonly (number | null)[]
  readonly answers: readonly AnswerSeries[]
  readonly training: TrainingCurve | null
}

/** A figure from elsewhere, to be drawn beside ours. */
export interface PeerValue {
  readonly label: string
  /** Name of one of the task's metrics. */
  readonly metric: string
  readonly value: number
  /** Where the figure comes from. */
  readonly source: string
}

/** One metric, in words that a report prints. */
export interface StudyMetric {
  readonly name: string
  readonly summary: string
  readonly better: 'less' | 'more'
  readonly unit?: string
}

/** A whole study as plain data: what the JSON file holds and the report draws. */
export interface StudyResult {
  readonly schema: 'equilibria-study/1'
  readonly title: string
  /** What this is, in two sentences. */
  readonly summary: string
  readonly task: { readonly name: string; readonly summary: string }
  readonly data: { readonly source: string; readonly samples: number }
  /** The first is the headline. */
  readonly metrics: readonly StudyMetric[]
  readonly models: readonly StudyModel[]
  readonly peers: readonly PeerValue[]
  readonly sections: readonly StudySection[]
  readonly settings: {
    readonly steps: readonly number[]
    readonly seed: number
    readonly confidence: number
    /** How the interval of a mean was made. */
    readonly interval: string
    readonly batchSize: number
  }
  readonly provenance: {
    /** ISO 8601, or `null` when the caller wants byte-identical results. */
    readonly created: string | null
    readonly backend: string
    /** Name to version. */
    readonly versions: Readonly<Record<string, string>>
    /** Anything else the caller wants on record: preset, command line, host. */
    readonly options: Readonly<Record<string, string | number | boolean>>
  }
  /** What a reader must know before believing the figures: samples left out, what could not be measured. */
  readonly notes: readonly string[]
}
