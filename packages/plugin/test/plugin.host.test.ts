import { describe, expect, test } from 'vitest'
import { EquilibriaError, referenceBackend } from '@equilibria/core'
import { createKit, definePlugin, negotiate } from '@equilibria/plugin'
import { halves, quarters } from './halves.ts'

const messageOf = (fn: () => unknown): string => {
  try {
    fn()
  } catch (error) {
    return EquilibriaError.is(error) ? `${error.code}: ${error.message}` : `not branded: ${String(error)}`
  }
  return 'nothing was thrown'
}

describe('definePlugin', () => {
  test('is a frozen value', () => {
    expect(Object.isFrozen(halves)).toBe(true)
    expect([halves.kind, halves.spec]).toEqual(['plugin', 1])
  })
  test('refuses what cannot be a plugin, by name', () => {
    expect(messageOf(() => definePlugin({ ...halves, name: 'Bad Name' }))).toMatch(/option: Plugin name "Bad Name"/)
    expect(messageOf(() => definePlugin({ ...halves, samples: {} }))).toMatch(/no samples/)
    expect(messageOf(() => definePlugin({ ...halves, parts: { operator: {} } as never }))).toMatch(/part "operator"/)
    expect(messageOf(() => definePlugin({ ...halves, parts: { tasks: { t: 3 } } as never }))).toMatch(
      /tasks.t is number/,
    )
  })
})

describe('createKit', () => {
  const kit = createKit({ plugins: [halves, quarters], backend: referenceBackend })
  test('holds every part under plugin/name', () => {
    expect(Object.keys(kit.operators)).toEqual(['halves/half', 'quarters/quarter'])
    expect(Object.keys(kit.tasks)).toEqual(['halves/double'])
    expect(kit.tasks['halves/double']().name).toBe('double')
    expect(kit.operators['quarters/quarter']().name).toBe('quarter')
    expect(kit.negotiation.map((n) => n.outcome)).toEqual(['ready', 'degraded'])
  })
  test('refuses two of a name, another contract, a missing feature', () => {
    const make = (...plugins: (typeof halves)[]) => messageOf(() => createKit({ plugins, backend: referenceBackend }))
    expect(make(halves, halves)).toMatch(/option: Two plugins are called "halves"/)
    expect(make({ ...halves, spec: 2 as 1 })).toMatch(/spec: .*Upgrade @equilibria\/plugin/s)
    expect(make({ ...halves, spec: 0 as 1 })).toMatch(/Upgrade the plugin/)
    expect(make({ ...halves, requires: { features: ['float64'] } })).toMatch(/requirement: .*needs "float64"/)
  })
  test('nothing is registered: a second kit knows nothing of the first', () => {
    expect(createKit({ plugins: [], backend: referenceBackend }).operators).toEqual({})
  })
})

test('negotiation: speed may be missing, correctness may not', () => {
  expect(negotiate('a', { features: ['float32'] }, referenceBackend).outcome).toBe('ready')
  expect(negotiate('a', { features: ['threads'] }, referenceBackend).notes.join()).toMatch(/faster with "threads"/)
  expect(negotiate('a', { kernels: ['norms'] }, { ...referenceBackend, kernels: {} }).notes.join()).toMatch(
    /falls back/,
  )
  expect(negotiate('a', { features: ['float64', 'gpu'] }, referenceBackend).outcome).toBe('refused')
})
