import type { Solver } from '@equilibria/spec'

type Wrapped = Pick<Solver, 'init' | 'step' | 'resume' | 'suits' | 'solves'>

/**
 * A method in a wrapper, and its fallbacks in the same one: `damped(auto(), 0.5)` damps every method of the chain. What
 * the wrapper does not touch is passed on.
 */
export function wrapped(solver: Solver, label: (name: string) => string, wrap: (method: Solver) => Wrapped): Solver {
  const done = new Map<Solver, Solver>() // a chain may close
  const go = (method: Solver): Solver => {
    const known = done.get(method)
    if (known) return known
    const { name, stage, requires, answer, after, giveUp, maxSteps, exactOnTape } = method
    const made: Solver = {
      kind: 'solver',
      spec: 1,
      name: label(name),
      ...(stage ? { stage: label(stage) } : {}),
      ...(requires ? { requires } : {}),
      ...(answer ? { answer } : {}),
      ...(exactOnTape ? { exactOnTape } : {}),
      ...(giveUp ? { giveUp } : {}),
      ...(maxSteps === undefined ? {} : { maxSteps }),
      ...(method.suits ? { suits: (problem) => method.suits!(problem) } : {}),
      ...(method.solves ? { solves: (problem) => method.solves!(problem) } : {}),
      ...wrap(method),
    }
    done.set(method, made)
    if (after) Object.assign(made, { after: { ...after, solver: go(after.solver) } })
    return made
  }
  return go(solver)
}
