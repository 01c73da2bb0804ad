/**
 * The classical reference: restarted PDHG as a fixed-point operator.
 * @module plugin-lp/pdhg
 */
export { farkas, ray, type Certificate } from './certificate.ts'
export { certificateFound } from './infeasibility.ts'
export { programInput, programsOf, type ProgramInput } from './input.ts'
export { evaluator, kktError, type Evaluator, type Kkt } from './kkt.ts'
export { pdhg, type PdhgInput, type PdhgOptions } from './operator.ts'
export { solveLp, solveLpAsync, type LpProgress, type LpResult, type SolveLpOptions } from './solve.ts'
export { startFrom, type Guess } from './start.ts'
export { innerSteps, type PdhgState } from './state.ts'
export { kktBelow } from './stop.ts'
export { estimateDual } from './dual-estimate.ts'
export { polish, type Polished, type PolishOptions } from './polish.ts'
export { warmStartSavings, type Savings, type SavingsOptions, type Spread } from './savings.ts'
