import { EquilibriaError } from '@equilibria/tensor'

/* Options are checked where they enter, so that a wrong one is an error with a name and never a strange number later. */

const wrong = (where: string, seen: unknown, legal: string): EquilibriaError =>
  new EquilibriaError('option', `${where} is ${String(seen)}.`, `Pass ${legal}.`)

/** @throws EquilibriaError `option` unless `value` is a whole number `≥ least` */
export function requireWhole(where: string, value: number, least: number): void {
  if (!Number.isInteger(value) || value < least) throw wrong(where, value, `a whole number ≥ ${least}`)
}

/** @throws EquilibriaError `option` unless `value` is a number in `[least, most]`; `NaN` is not */
export function requireRange(
  where: string,
  value: number,
  least: number,
  most: number = Number.POSITIVE_INFINITY,
): void {
  if (typeof value !== 'number' || !(value >= least && value <= most))
    throw wrong(
      where,
      value,
      most === Number.POSITIVE_INFINITY ? `a number ≥ ${least}` : `a number in [${least}, ${most}]`,
    )
}

/** @throws EquilibriaError `option` when two options that say the same thing are both given */
export function requireOne(where: string, a: readonly [string, unknown], b: readonly [string, unknown]): void {
  if (a[1] !== undefined && b[1] !== undefined)
    throw new EquilibriaError(
      'option',
      `${where} was given both "${a[0]}" and "${b[0]}".`,
      'Pass one of them: the other would be ignored.',
    )
}

/**
 * For values that plain JavaScript may forget, or forget to make: `solver: anderson` for `anderson()`.
 * @throws EquilibriaError `option` unless `seen` is of one of these kinds
 */
export function requireKind(where: string, seen: unknown, ...kinds: readonly string[]): void {
  const kind = (seen as { readonly kind?: unknown } | null | undefined)?.kind
  if (kinds.some((k) => k === kind)) return
  const bare =
    typeof seen === 'function' ? 'a function' : seen instanceof Object ? 'an object of no kind' : String(seen)
  const got = typeof kind === 'string' ? `a ${kind}` : bare
  throw new EquilibriaError(
    'option',
    `${where} is ${got}, where a ${kinds.join(' or a ')} is needed.`,
    typeof seen === 'function' ? `Call it: ${seen.name}().` : 'Pass the value that one of its factories returns.',
  )
}
