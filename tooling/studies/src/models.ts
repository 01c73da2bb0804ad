import type { Model, ModelOptions } from '@equilibria/spec'
import {
  type LpInput,
  type LpOutput,
  paperExplicitModel,
  paperImplicitModel,
  primalDualModel,
  scaledExplicitModel,
} from '@equilibria/plugin-lp'

export type LpModel = Model<LpInput, LpOutput>

/** The networks of Table 1 by the names that files and tables use. */
export const makers: Readonly<Record<string, (options: ModelOptions) => LpModel>> = {
  implicit: primalDualModel,
  'paper-implicit': paperImplicitModel,
  explicit: scaledExplicitModel,
  'paper-explicit': paperExplicitModel,
}
