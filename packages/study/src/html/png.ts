/** A PNG as a data URI: 8 bits, grey or RGB, stored without compression (images in a report are small). */
export function pngDataUri(width: number, height: number, channels: 1 | 3, bytes: ArrayLike<number>): string {
  const stride = width * channels
  const raw = new Uint8Array((stride + 1) * height)
  for (let y = 0; y < height; y++)
    for (let i = 0; i < stride; i++) raw[y * (stride + 1) + 1 + i] = bytes[y * stride + i] ?? 0
  const header = [...word(width), ...word(height), 8, channels === 1 ? 0 : 2, 0, 0, 0]
  const file = [
    Uint8Array.of(137, 80, 78, 71, 13, 10, 26, 10),
    chunk('IHDR', Uint8Array.from(header)),
    chunk('IDAT', stored(raw)),
    chunk('IEND', new Uint8Array()),
  ]
  let binary = ''
  for (const part of file) for (const byte of part) binary += String.fromCharCode(byte)
  return `data:image/png;base64,${btoa(binary)}`
}

const word = (n: number): number[] => [(n >>> 24) & 255, (n >>> 16) & 255, (n >>> 8) & 255, n & 255]

/** zlib with stored blocks, and the Adler-32 sum. */
function stored(raw: Uint8Array): Uint8Array {
  const most = 65535
  const blocks = Math.max(1, Math.ceil(raw.length / most))
  const out = new Uint8Array(2 + 5 * blocks + raw.length + 4)
  out.set([0x78, 0x01])
  let at = 2
  for (let b = 0; b < blocks; b++) {
    const part = raw.subarray(b * most, (b + 1) * most)
    const n = part.length
    out.set([b === blocks - 1 ? 1 : 0, n & 255, n >>> 8, ~n & 255, (~n >>> 8) & 255], at)
    out.set(part, at + 5)
    at += 5 + n
  }
  let [low, high] = [1, 0]
  for (const byte of raw) {
    low = (low + byte) % 65521
    high = (high + low) % 65521
  }
  out.set(word(((high << 16) | low) >>> 0), at)
  return out
}

function chunk(name: string, data: Uint8Array): Uint8Array {
  const out = new Uint8Array(12 + data.length)
  out.set(word(data.length))
  for (let i = 0; i < 4; i++) out[4 + i] = name.charCodeAt(i)
  out.set(data, 8)
  out.set(word(crc(out.subarray(4, 8 + data.length))), 8 + data.length)
  return out
}

function crc(bytes: Uint8Array): number {
  let value = 0xffffffff
  for (const byte of bytes) {
    value ^= byte
    for (let bit = 0; bit < 8; bit++) value = (value >>> 1) ^ (0xedb88320 & -(value & 1))
  }
  return (value ^ 0xffffffff) >>> 0
}
