import { figure } from '../format.ts'
import type { TableData } from '../types.ts'
import { escape } from './escape.ts'

/** A table that scrolls by itself on a narrow screen. The first column heads its rows. */
export function drawTable({ caption, columns, rows }: TableData): string {
  const cell = (value: string | number | null, i: number): string => {
    const text = typeof value === 'string' ? value : figure(value, 4)
    if (i === 0) return `<th scope="row">${escape(text)}</th>`
    const wordy = typeof value === 'string' && !/^[-–+≥≤<>±\d]/.test(value)
    return `<td${wordy ? ' class="text"' : ''}>${escape(text)}</td>`
  }
  const wordy = (i: number): boolean => rows.some((row) => typeof row[i] === 'string' && !/^[-–+≥≤<>±\d]/.test(row[i]))
  return `<div class="scroll" role="region" aria-label="${escape(caption)}" tabindex="0"><table>
<caption>${escape(caption)}</caption>
<thead><tr>${columns.map((name, i) => `<th scope="col"${wordy(i) ? ' class="text"' : ''}>${escape(name)}</th>`).join('')}</tr></thead>
<tbody>
${rows.map((row) => `<tr>${row.map(cell).join('')}</tr>`).join('\n')}
</tbody></table></div>`
}
