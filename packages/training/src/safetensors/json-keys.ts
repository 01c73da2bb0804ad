/**
 * The first key that an object of this JSON text repeats, with its character position. `JSON.parse` keeps the last of
 * two and says nothing. The text must already be valid JSON.
 */
export function repeatedKey(text: string): { readonly key: string; readonly position: number } | undefined {
  const open: (Set<string> | undefined)[] = []
  for (let i = 0; i < text.length; i++) {
    const c = text[i]
    if (c === '{') open.push(new Set())
    else if (c === '[') open.push(undefined)
    else if (c === '}' || c === ']') open.pop()
    else if (c === '"') {
      const start = i
      for (i++; text[i] !== '"'; i++) if (text[i] === '\\') i++
      const keys = open.at(-1)
      if (!keys) continue
      let next = i + 1
      while (' \t\r\n'.includes(text[next]!)) next++
      if (text[next] !== ':') continue
      const key = JSON.parse(text.slice(start, i + 1)) as string
      if (keys.has(key)) return { key, position: start }
      keys.add(key)
    }
  }
  return undefined
}
