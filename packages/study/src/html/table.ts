import { figure } from '../format.ts'
import type { TableData } from '../types.ts'
import { escape } from './escape.ts'

/** A table that scrolls by itself on a narrow screen. The first column heads its rows. */
export function drawTable({ caption, columns, rows }: TableData): string {
  const wordy = columns.map((_, i) =>
    rows.some((row) => typeof row[i] === 'string' && !/^([-–+≥≤<>±\d]|$)/.test(row[i])),
  )
  const side = (i: number): string => (wordy[i] ? ' class="text"' : '')
  const cell = (value: string | number | null, i: number): string => {
    const text = escape(typeof value === 'string' ? value : figure(value, 4))
    return i === 0 ? `<th scope="row">${text}</th>` : `<td${side(i)}>${text}</td>`
  }
  return `<p class="caption">${escape(caption)}</p>
<div class="scroll" role="region" aria-label="${escape(caption)}" tabindex="0"><table aria-label="${escape(caption)}">
<thead><tr>${columns.map((name, i) => `<th scope="col"${side(i)}>${escape(name)}</th>`).join('')}</tr></thead>
<tbody>
${rows.map((row) => `<tr>${row.map(cell).join('')}</tr>`).join('\n')}
</tbody></table></div>`
}
