/** A line of a plot: points `[x, y]`, or `[x, y, low, high]` for a band around it. */
export interface PlotSeries {
  readonly label: string
  readonly points: readonly (
    | readonly [x: number, y: number]
    | readonly [x: number, y: number, low: number, high: number]
  )[]
}

/** One axis of a plot. */
export interface Axis {
  readonly label: string
  readonly unit?: string
  /** Default `linear`. Values ≤ 0 cannot be drawn on a logarithmic axis and are left out, with a note. */
  readonly scale?: 'linear' | 'log'
}

/** A plot that a domain adds to a report. */
export interface PlotData {
  readonly title: string
  readonly x: Axis
  readonly y: Axis
  readonly series: readonly PlotSeries[]
  /** One sentence: what to look for. */
  readonly lookFor: string
}

/** A table that a domain adds to a report; `null` is a missing value. */
export interface TableData {
  readonly caption: string
  readonly columns: readonly string[]
  readonly rows: readonly (readonly (string | number | null)[])[]
}

/** Something a domain wants in a report beside the standard parts: what a warm start saves, say. */
export interface StudySection {
  readonly title: string
  /** Paragraphs. */
  readonly text?: readonly string[]
  readonly table?: TableData
  readonly plot?: PlotData
}
