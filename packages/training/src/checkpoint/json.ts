/** JSON with sorted keys, and infinities and NaN as text: equal values give equal text. */
export function canonical(value: unknown): string {
  return JSON.stringify(value, (_, v: unknown) => {
    if (typeof v === 'number' && !Number.isFinite(v)) return String(v)
    if (typeof v !== 'object' || v === null || Array.isArray(v)) return v
    return Object.fromEntries(Object.entries(v).sort(([a], [b]) => (a < b ? -1 : 1)))
  })
}

/** The value as it comes back from a file. */
export const asStored = (value: Readonly<Record<string, unknown>>): Record<string, unknown> =>
  JSON.parse(canonical(value)) as Record<string, unknown>

/** The first place where two JSON objects differ, such as `solver.memory: 5 here, 3 there`; `undefined` if nowhere. */
export function difference(here: unknown, there: unknown, path = ''): string | undefined {
  if (canonical(here ?? null) === canonical(there ?? null)) return undefined
  if (isRecord(here) && isRecord(there))
    for (const key of new Set([...Object.keys(here), ...Object.keys(there)])) {
      const found = difference(here[key], there[key], path ? `${path}.${key}` : key)
      if (found) return found
    }
  return `${path || 'it'} is ${show(here)} here, ${show(there)} there`
}

const show = (value: unknown): string => (value === undefined ? 'absent' : canonical(value))

export const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
