/**
 * The contract, executable. Checks are values (a name and a function that throws), so any test runner, the docs site or
 * a shell script can run them; and a zoo of problems with known answers.
 * @module conformance
 */
export { runChecks, type Check } from './check.ts'
export { operatorChecks, sampleChecks } from './sample-checks.ts'
export { solverChecks } from './solver-checks.ts'
export { linearSolverChecks } from './linear-solver-checks.ts'
export { gradientChecks } from './gradient-checks.ts'
export { backendChecks } from './backend-checks.ts'
export { stopRuleChecks } from './stop-rule-checks.ts'
export { taskChecks, type TaskCheckOptions } from './task-checks.ts'
export { pluginChecks } from './plugin-checks.ts'
export * from './fixtures/index.ts'
export {
  formatSolverTable,
  isSolved,
  parseSolverTable,
  solverTable,
  TABLE_TOLERANCE,
  tableCell,
  tableColumns,
  tableRows,
  type TableCell,
  type TableColumn,
  type TableRow,
} from './solver-table.ts'
export { monotone, type MonotoneProblem, published, zoo, zooError, type ZooProblem } from './zoo/index.ts'
export { nonlinearSolve23, type NonlinearSystem, rootResidual, type RootResidual } from './zoo/nonlinear-solve/index.ts'
