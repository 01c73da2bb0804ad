/**
 * Fixtures of linear programming, for `equilibria fixtures`.
 * @module plugin-lp/fixtures
 */
import type { FixtureKind } from '@equilibria/conformance'
import { labelFixtures } from './fixtures/labels.ts'
import { mpsFixtures } from './fixtures/mps.ts'
import { networkFixtures } from './fixtures/networks.ts'

export { labelFixtures, mpsFixtures, networkFixtures }

/** Every kind this package knows. */
export const fixtureKinds: readonly FixtureKind[] = [labelFixtures, mpsFixtures, networkFixtures]
