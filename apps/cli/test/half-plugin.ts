/** Says what it is and has nothing of it. */
export default { kind: 'plugin' }
