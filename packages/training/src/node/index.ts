/**
 * The parts of training that touch files and terminals. Node only.
 * @module training/node
 */
export { writeFileAtomically } from './atomic-write.ts'
export { checkpointFile, loadCheckpoint, saveCheckpoint } from './checkpoint-file.ts'
export { progressPrinter, type ProgressPrinter, type ProgressStream } from './progress-printer.ts'
