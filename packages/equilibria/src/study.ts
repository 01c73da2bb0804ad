/**
 * Test-time scaling studies and their report.
 * @module equilibria/study
 */
export * from '@equilibria/study'
