import type { Attempt, Status } from '@equilibria/spec'

/**
 * How samples went from method to method, for people: `anderson: 8 samples, 3 went on (2 stagnated, 1 diverged); picard:
 * 3 samples`. Nothing when no sample went on.
 */
export function triedNotes(tried: readonly (readonly Attempt[])[] | undefined): string[] {
  const most = Math.max(0, ...(tried ?? []).map((attempts) => attempts.length))
  if (tried === undefined || most < 2) return []
  const lines = Array.from({ length: most }, (_, k) => {
    const here = tried.filter((attempts) => attempts.length > k)
    const gone = here.filter((attempts) => attempts.length > k + 1).map((attempts) => attempts[k]!.status)
    const why = new Map<Status, number>()
    for (const s of gone) why.set(s, (why.get(s) ?? 0) + 1)
    const reasons = [...why].map(([s, n]) => `${n} ${s}`).join(', ')
    const samples = `${here.length} ${here.length === 1 ? 'sample' : 'samples'}`
    return `${here[0]![k]!.solver}: ${samples}${gone.length > 0 ? `, ${gone.length} went on (${reasons})` : ''}`
  })
  return [lines.join('; ')]
}
