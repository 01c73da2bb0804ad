/** Let timers, signals and input have their turn. A microtask would not: the loop must really come round. */
export function pause(): Promise<void> {
  if (typeof setImmediate === 'function') return new Promise((resume) => setImmediate(resume))
  return new Promise((resume) => {
    const { port1, port2 } = new MessageChannel()
    port1.onmessage = () => {
      port1.close()
      resume()
    }
    port2.postMessage(0)
  })
}
