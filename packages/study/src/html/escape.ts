const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

/** Text for HTML and SVG, in content and in attributes. Control characters, which XML forbids, become spaces. */
export const escape = (text: string): string =>
  text
    .replaceAll(/[&<>"']/g, (c) => ENTITIES[c]!)
    .replaceAll(/[\p{Cc}\p{Cs}\uFFFE\uFFFF]/gu, (c) => (c === '\n' ? c : ' '))
