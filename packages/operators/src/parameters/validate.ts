import { EquilibriaError } from '@equilibria/tensor'

/** @throws EquilibriaError `option` unless every value is a whole number ≥ 1 */
export function requireSizes(family: string, sizes: Readonly<Record<string, number>>): void {
  for (const [name, value] of Object.entries(sizes))
    if (!Number.isInteger(value) || value < 1)
      throw new EquilibriaError('option', `${family}({ ${name}: ${value} }) is not a size.`, 'Pass a whole number ≥ 1.')
}

/** @throws EquilibriaError `option` unless every value lies strictly between the ends */
export function requireBetween(
  family: string,
  low: number,
  high: number,
  values: Readonly<Record<string, number>>,
): void {
  for (const [name, value] of Object.entries(values))
    if (!(value > low && value < high))
      throw new EquilibriaError(
        'option',
        `${family}({ ${name}: ${value} }) is out of range.`,
        `Pass ${low} < ${name} < ${high}.`,
      )
}
