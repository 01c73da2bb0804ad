// What `pnpm new` writes. Every text works as it stands and passes `pnpm check`; replace the method, keep the shape.

export const camel = (name) => name.replace(/-(\w)/g, (_, c) => c.toUpperCase())
export const pascal = (name) => camel(name).replace(/^./, (c) => c.toUpperCase())
const words = (name) => name.replaceAll('-', ' ')

export const solver = (name) => ({
  source: `import { add, EquilibriaError, scale, sub } from '@equilibria/tensor'
import type { Solver } from '@equilibria/spec'

export interface ${pascal(name)}Options {
  /** \`β\` in \`(0, 1]\`: how far to move along the residual. Default \`1\`. */
  readonly damping?: number
}

/**
 * ${pascal(name)}: \`z ← z + β (G(z) − z)\`.
 *
 * Say what the method does and when it converges, at which rate; and when not to use it.
 *
 * States are \`[batch, size]\`; each row moves by itself.
 *
 * @cost 1 evaluation, no stored vectors
 * @throws EquilibriaError when \`damping\` is outside \`(0, 1]\`
 * @cite banach1922
 */
export function ${camel(name)}({ damping = 1 }: ${pascal(name)}Options = {}): Solver<null> {
  if (!(damping > 0 && damping <= 1))
    throw new EquilibriaError(
      'option',
      \`${camel(name)}({ damping: \${damping} }) is not a step.\`,
      'Pass 0 < damping ≤ 1.',
    )
  return {
    kind: 'solver',
    spec: 1,
    name: '${name}',
    init: () => null,
    step(problem, z) {
      const residual = sub(problem.apply(z), z)
      return { next: add(z, scale(residual, damping)), residual, memory: null }
    },
  }
}
`,
  test: `import { describe, expect, test } from 'vitest'
import { runChecks, solverChecks } from '@equilibria/conformance'
import { ${camel(name)} } from '@equilibria/solvers'

describe('${name}: conformance', () => runChecks(test, solverChecks(() => ${camel(name)}())))

test('options out of range are refused, by name', () => {
  expect(() => ${camel(name)}({ damping: 0 })).toThrow('damping: 0')
  expect(() => ${camel(name)}({ damping: Number.NaN })).toThrow('damping: NaN')
})
`,
  line: `export { ${camel(name)}, type ${pascal(name)}Options } from './${name}.ts'\n`,
})

export const operator = (name) => ({
  source: `import * as tf from '@tensorflow/tfjs-core'
import type { Operator } from '@equilibria/spec'
import { defineOperator } from '@equilibria/core'
import { EquilibriaError } from '@equilibria/tensor'

export interface ${pascal(name)}Options {
  /** \`μ\` in \`[0, 1)\`: the contraction modulus. Default \`0.5\`. */
  readonly modulus?: number
}

/**
 * ${pascal(name)}: \`G(z, x) = μ tanh(z) + x\`.
 *
 * \`|∂G/∂z| = μ / cosh²(z) ≤ μ\`, so the trait \`lipschitz\` is a proof. Say when not to use the operator.
 *
 * \`x\` and \`z\` are \`[batch, size]\`, without units.
 *
 * @cost 3 tfjs ops per evaluation, no parameters
 * @throws EquilibriaError when \`modulus\` is outside \`[0, 1)\`
 * @cite banach1922
 */
export function ${camel(name)}({ modulus = 0.5 }: ${pascal(name)}Options = {}): Operator<tf.Tensor2D, tf.Tensor2D> {
  if (!(modulus >= 0 && modulus < 1))
    throw new EquilibriaError(
      'option',
      \`${camel(name)}({ modulus: \${modulus} }) is not a contraction.\`,
      'Pass 0 ≤ modulus < 1.',
    )
  return defineOperator({
    name: '${name}',
    traits: { lipschitz: modulus, rowwise: true },
    initial: (x: tf.Tensor2D) => tf.zerosLike(x),
    apply: (z, x) => tf.add(tf.mul(tf.tanh(z), modulus), x),
  })
}
`,
  test: (pkg) => `import * as tf from '@tensorflow/tfjs-core'
import { expect, test } from 'vitest'
import { equilibrium } from '@equilibria/core'
import { picard } from '@equilibria/solvers'
import { ${camel(name)} } from '${pkg}'

test('the answer is a fixed point, and nothing leaks', () => {
  const before = tf.memory().numTensors
  tf.tidy(() => {
    const x = tf.tensor2d([
      [0.5, -0.2],
      [1, 0.3],
    ])
    const { state, status } = equilibrium(${camel(name)}(), { solver: picard(), tolerance: 1e-6 }).solve(x)
    expect(status).toBe('converged')
    const [z, b] = [state.dataSync(), x.dataSync()]
    // Residual 1e-6 relative, modulus 1/2: the error is at most 2e-6 · max(‖z‖, 1); float32 adds a few 1e-7.
    z.forEach((value, i) => expect(Math.abs(value - (0.5 * Math.tanh(value) + b[i]!))).toBeLessThan(1e-5))
  })
  expect(tf.memory().numTensors).toBe(before)
})

test('the declared Lipschitz constant holds on pairs of points', () => {
  tf.tidy(() => {
    const operator = ${camel(name)}({ modulus: 0.9 })
    const x = tf.zeros<tf.Rank.R2>([1, 8])
    const bound = operator.bind(x)
    for (let seed = 1; seed <= 10; seed++) {
      const a = tf.randomNormal<tf.Rank.R2>([1, 8], 0, 1, 'float32', seed)
      const b = tf.randomNormal<tf.Rank.R2>([1, 8], 0, 1, 'float32', seed + 100)
      const moved = tf.norm(tf.sub(bound.apply(a), bound.apply(b))).dataSync()[0]!
      // 1e-5: float32 rounding of two evaluations.
      expect(moved).toBeLessThanOrEqual((operator.traits.lipschitz ?? 0) * tf.norm(tf.sub(a, b)).dataSync()[0]! + 1e-5)
    }
  })
})

test('a modulus that does not contract is refused', () => {
  expect(() => ${camel(name)}({ modulus: 1 })).toThrow('modulus: 1')
})
`,
  line: `export { ${camel(name)}, type ${pascal(name)}Options } from './${name}.ts'\n`,
})

export const analyzer = (name) => ({
  source: `import type { Analyzer } from '@equilibria/spec'
import { rowDot, scoped, sub } from '@equilibria/tensor'

/**
 * ${pascal(name)}: the ratio \`‖G(G(z)) − G(z)‖₂ / ‖G(z) − z‖₂\`, largest over the batch.
 *
 * A lower bound on every Lipschitz constant of \`G\`, seen at one pair of points: above 1 it refutes contraction, below
 * 1 it proves nothing. Say when not to use the analyzer.
 *
 * \`z\` is \`[batch, size]\`; the value has no unit.
 *
 * @cost 2 evaluations, 2 stored vectors
 * @cite banach1922
 */
export function ${camel(name)}(): Analyzer<{ readonly ratios: readonly number[] }> {
  return {
    kind: 'analyzer',
    spec: 1,
    name: '${name}',
    analyze(problem, z) {
      const ratios = scoped(() => {
        const first = problem.apply(z)
        const before = sub(first, z)
        const after = sub(problem.apply(first), first)
        const squares = rowDot(before, before)
        return [...rowDot(after, after)].map((a, row) => (squares[row]! > 0 ? Math.sqrt(a / squares[row]!) : 0))
      })
      const value = ratios.reduce((a, b) => (b <= a ? a : b), 0)
      return {
        kind: 'report',
        property: 'contraction',
        verdict: value > 1 ? 'fails' : 'unknown',
        evidence: 'observation',
        value,
        statement: \`One step shrank the residual by a factor of \${value.toPrecision(3)} at worst.\`,
        assumptions: [],
        sources: ['banach1922'],
        detail: { ratios },
      }
    },
  }
}
`,
  test: `import * as tf from '@tensorflow/tfjs-core'
import { expect, test } from 'vitest'
import { bindProblem, defineOperator, referenceKernels } from '@equilibria/core'
import { ${camel(name)} } from '@equilibria/theory'

test('on a linear map the ratio is its slope, and nothing leaks', () => {
  const before = tf.memory().numTensors
  tf.tidy(() => {
    for (const slope of [0.25, 2]) {
      const linear = defineOperator({
        name: 'linear',
        initial: (x: tf.Tensor2D) => tf.zerosLike(x),
        apply: (z, x) => tf.add(tf.mul(z, slope), x),
      })
      const { problem, start } = bindProblem(linear, tf.tensor2d([[1, 2]]), referenceKernels)
      const report = ${camel(name)}().analyze(problem, start)
      // Powers of two: exact in float32 up to the square root.
      expect(report.value).toBeCloseTo(slope, 6)
      expect(report.verdict).toBe(slope > 1 ? 'fails' : 'unknown')
    }
  })
  expect(tf.memory().numTensors).toBe(before)
})
`,
  line: `export { ${camel(name)} } from './${name}.ts'\n`,
})

const readme = (name, description, example) => `# @equilibria/${name}

${description} Part of Equilibria, the implicit-model toolkit for TypeScript.

\`\`\`ts
${example}\`\`\`
`

/** A package with one documented function and its test. */
export const plain = (name, description) => ({
  'src/index.ts': `/**
 * ${description}
 * @module ${name}
 */
export { rowNorms } from './row-norms.ts'
`,
  'src/row-norms.ts': `import type { Vector } from '@equilibria/spec'
import { rowDot } from '@equilibria/tensor'

/** Euclidean norm of each row of \`z\`, \`[batch, size]\`; length \`batch\`, on the host. A first function to replace. */
export function rowNorms(z: Vector): Float32Array {
  return rowDot(z, z).map(Math.sqrt)
}
`,
  'test/row-norms.test.ts': `import * as tf from '@tensorflow/tfjs-core'
import { expect, test } from 'vitest'
import { rowNorms } from '@equilibria/${name}'

test('norms are per row, and nothing leaks', () => {
  const z = tf.tensor2d([
    [3, 4],
    [0, 0],
  ])
  const before = tf.memory().numTensors
  // 9 + 16 and its root are exact in float32.
  expect([...rowNorms(z)]).toEqual([5, 0])
  expect(tf.memory().numTensors).toBe(before)
  z.dispose()
})
`,
  'README.md': readme(
    name,
    description,
    `import * as tf from '@tensorflow/tfjs-core'
import { rowNorms } from '@equilibria/${name}'

console.log(rowNorms(tf.tensor2d([[3, 4]]))) // [5]
`,
  ),
})

/** A domain plugin: one operator, one solved sample, and the checks that every plugin must pass. */
export const plugin = (name, description) => {
  const short = name.replace(/^plugin-/, '')
  return {
    'src/index.ts': `/**
 * ${description}
 * @module ${name}
 */
import * as tf from '@tensorflow/tfjs-core'
import { definePlugin } from '@equilibria/plugin'
import type { Plugin } from '@equilibria/spec'
import { ${camel(short)}Operator } from './operator.ts'

export { ${camel(short)}Operator, type ${pascal(short)}OperatorOptions } from './operator.ts'

/** The plugin of the domain "${words(short)}", as a value. */
export const ${camel(short)}: Plugin<'${short}', { readonly operators: { readonly operator: typeof ${camel(short)}Operator } }> = definePlugin({
  name: '${short}',
  version: '0.0.0',
  summary: ${JSON.stringify(description).replaceAll("'", "\\'").replace(/^"|"$/g, "'")},
  parts: { operators: { operator: ${camel(short)}Operator } },
  samples: {
    small: {
      summary: 'Two rows, without a forcing: the answer is zero.',
      operator: () => ${camel(short)}Operator(),
      input: () => tf.zeros<tf.Rank.R2>([2, 3]),
      expected: (x: tf.Tensor2D) => tf.zerosLike(x),
    },
  },
})
`,
    'src/operator.ts': operator(`${short}-operator`).source,
    'test/plugin.test.ts': `import { describe, expect, test } from 'vitest'
import { pluginChecks, runChecks } from '@equilibria/conformance'
import { ${camel(short)}, ${camel(short)}Operator } from '@equilibria/${name}'

describe('${short}: conformance', () => runChecks(test, pluginChecks(${camel(short)})))

test('a modulus that does not contract is refused', () => {
  expect(() => ${camel(short)}Operator({ modulus: 1 })).toThrow('modulus: 1')
})
`,
    'README.md': readme(
      name,
      description,
      `import * as tf from '@tensorflow/tfjs-core'
import { equilibrium } from '@equilibria/core'
import { anderson } from '@equilibria/solvers'
import { ${camel(short)}Operator } from '@equilibria/${name}'

const { state, status } = equilibrium(${camel(short)}Operator(), { solver: anderson() }).solve(tf.ones([1, 2]))
console.log(status, state.dataSync())
`,
    ),
  }
}
