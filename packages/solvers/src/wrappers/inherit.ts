import type { Solver } from '@equilibria/spec'

/** What a wrapper passes on unchanged. */
export const inherited = ({
  requires,
  answer,
  after,
  exactOnTape,
  solves,
}: Solver): Partial<Pick<Solver, 'requires' | 'answer' | 'after' | 'exactOnTape' | 'solves'>> => ({
  ...(requires ? { requires } : {}),
  ...(answer ? { answer } : {}),
  ...(after ? { after } : {}),
  ...(exactOnTape ? { exactOnTape } : {}),
  ...(solves ? { solves } : {}),
})
