/** How a person looks at one answer. Plain data: a report or a page draws it. */
export type View =
  | { readonly kind: 'text'; readonly title?: string; readonly text: string }
  | {
      readonly kind: 'table'
      readonly title?: string
      readonly columns: readonly string[]
      readonly rows: readonly (readonly (string | number)[])[]
    }
  | {
      /** `values` row-major, `[height, width, channels]`, in `[0, 1]`. */
      readonly kind: 'image'
      readonly title?: string
      readonly width: number
      readonly height: number
      readonly channels: 1 | 3
      readonly values: Float32Array
    }
  | {
      /** A scalar field, row-major `[height, width]`, in the units named. */
      readonly kind: 'field'
      readonly title?: string
      readonly width: number
      readonly height: number
      readonly values: Float32Array
      readonly unit?: string
    }
  | {
      /** One or more series over a common index: the coordinates of an answer beside those of the truth, say. */
      readonly kind: 'series'
      readonly title?: string
      readonly xLabel: string
      readonly yLabel: string
      readonly series: readonly { readonly label: string; readonly values: readonly number[] }[]
    }
