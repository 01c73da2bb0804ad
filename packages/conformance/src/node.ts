/**
 * What needs a file system: fixtures from a folder on disk.
 * @module conformance/node
 */
export { readFixtureFolder } from './fixtures/disk.ts'
