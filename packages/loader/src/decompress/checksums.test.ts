import { expect, test } from 'vitest'
import { crc32, crc64 } from './crc.ts'
import { sha256 } from './sha256.ts'

const ascii = (text: string): Uint8Array => Uint8Array.from(text, c => c.charCodeAt(0))
const hex = (bytes: Uint8Array): string => Array.from(bytes, b => b.toString(16).padStart(2, '0')).join('')

test('CRC32 of the standard check string (RFC 1952 code; catalogue value CBF43926), in one go and continued', () => {
  expect(crc32(ascii('123456789'))).toBe(0xcbf43926)
  expect(crc32(ascii('56789'), crc32(ascii('1234')))).toBe(0xcbf43926)
  expect(crc32(new Uint8Array(0))).toBe(0)
})

test('CRC64 of the standard check string (CRC-64/XZ, catalogue value 995DC9BBDF1939FA)', () => {
  expect(hex(crc64(ascii('123456789')).reverse())).toBe('995dc9bbdf1939fa')
})

test('SHA-256 of the examples in FIPS 180-4, and at the padding boundaries', () => {
  expect(hex(sha256(ascii('abc')))).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad')
  expect(hex(sha256(ascii('abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq')))).toBe(
    '248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1',
  )
  expect(hex(sha256(new Uint8Array(0)))).toBe('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855')
  // NIST CAVP short message of one million "a".
  expect(hex(sha256(new Uint8Array(1_000_000).fill(0x61)))).toBe(
    'cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0',
  )
})
