/**
 * Declare a plugin, combine plugins, negotiate what is missing.
 * @module plugin
 */
export { definePlugin } from './define.ts'
export { createKit, type Kit } from './kit.ts'
export { negotiate, SPEC, type Negotiation } from './negotiate.ts'
