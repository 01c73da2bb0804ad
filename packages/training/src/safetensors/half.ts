/*
 * 16-bit floats, by bit patterns: numbers never pass through a JavaScript value, so NaN payloads survive.
 * Decoding is exact; encoding rounds to nearest, ties to even.
 */

/** bfloat16 is the upper half of a float32. */
export function decodeBfloat16(raw: Uint16Array): Float32Array {
  const bits = new Uint32Array(raw.length)
  for (let i = 0; i < raw.length; i++) bits[i] = raw[i]! << 16
  return new Float32Array(bits.buffer)
}

export function encodeBfloat16(values: Float32Array): Uint16Array {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length)
  const raw = new Uint16Array(values.length)
  for (let i = 0; i < raw.length; i++) {
    const b = bits[i]!
    const isNaN = (b & 0x7fffffff) > 0x7f800000
    // A NaN whose payload is all in the lower half must not become an infinity.
    raw[i] = isNaN ? (b >>> 16) | ((b & 0x7f0000) === 0 ? 0x40 : 0) : (b + 0x7fff + ((b >>> 16) & 1)) >>> 16
  }
  return raw
}

export function decodeFloat16(raw: Uint16Array): Float32Array {
  const bits = new Uint32Array(raw.length)
  for (let i = 0; i < raw.length; i++) {
    const h = raw[i]!
    const sign = (h & 0x8000) << 16
    const exponent = (h >>> 10) & 31
    const fraction = h & 1023
    if (exponent === 31) bits[i] = sign | 0x7f800000 | (fraction << 13)
    else if (exponent > 0) bits[i] = sign | ((exponent + 112) << 23) | (fraction << 13)
    else if (fraction === 0) bits[i] = sign
    else {
      // Subnormal: fraction · 2⁻²⁴, normalised by its leading bit.
      const lead = 31 - Math.clz32(fraction)
      bits[i] = sign | ((lead + 103) << 23) | ((fraction << (23 - lead)) & 0x7fffff)
    }
  }
  return new Float32Array(bits.buffer)
}

export function encodeFloat16(values: Float32Array): Uint16Array {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length)
  const raw = new Uint16Array(values.length)
  for (let i = 0; i < raw.length; i++) {
    const b = bits[i]!
    const sign = (b >>> 16) & 0x8000
    const magnitude = b & 0x7fffffff
    if (magnitude > 0x7f800000) {
      const payload = (magnitude >>> 13) & 1023
      raw[i] = sign | 0x7c00 | (payload === 0 ? 0x200 : payload)
    } else if (magnitude >= 0x477ff000) raw[i] = sign | 0x7c00
    else if (magnitude >= 0x38800000)
      raw[i] = sign | ((magnitude - 0x38000000 + 0xfff + ((magnitude >>> 13) & 1)) >>> 13)
    else {
      // Below 2⁻¹⁴: count units of 2⁻²⁴.
      const shift = 126 - (magnitude >>> 23)
      if (shift > 24) raw[i] = sign
      else {
        const significand = (magnitude & 0x7fffff) | 0x800000
        const half = 2 ** (shift - 1)
        const quotient = Math.floor(significand / 2 ** shift)
        const rest = significand - quotient * 2 ** shift
        raw[i] = sign | (quotient + (rest > half || (rest === half && (quotient & 1) === 1) ? 1 : 0))
      }
    }
  }
  return raw
}
