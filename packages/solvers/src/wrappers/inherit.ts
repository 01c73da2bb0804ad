import type { Solver } from '@equilibria/spec'

/** What a wrapper passes on unchanged. */
export const inherited = ({
  requires,
  answer,
  after,
}: Solver): Partial<Pick<Solver, 'requires' | 'answer' | 'after'>> => ({
  ...(requires ? { requires } : {}),
  ...(answer ? { answer } : {}),
  ...(after ? { after } : {}),
})
