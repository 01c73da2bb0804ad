/**
 * Optimisers, schedules, `fit`, checkpoints.
 * @module equilibria/training
 */
export * from '@equilibria/training'
