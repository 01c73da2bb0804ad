import type { Solver } from '@equilibria/spec'

/** What a wrapper passes on unchanged. */
export const inherited = ({
  requires,
  answer,
  after,
  exactOnTape,
}: Solver): Partial<Pick<Solver, 'requires' | 'answer' | 'after' | 'exactOnTape'>> => ({
  ...(requires ? { requires } : {}),
  ...(answer ? { answer } : {}),
  ...(after ? { after } : {}),
  ...(exactOnTape ? { exactOnTape } : {}),
})
