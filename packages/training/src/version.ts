/** The version of this package, as in its package.json: a test keeps the two equal. */
export const version: string = '0.0.0'
