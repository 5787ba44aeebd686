/** How devices spell numbers in reports and errors. */

/** `0x3f8`: hexadecimal with prefix, lower case, no padding unless `digits` asks for it. */
export function hex(value: number, digits = 0): string {
  return `0x${value.toString(16).padStart(digits, '0')}`
}
