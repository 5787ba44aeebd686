/** Debian's own images, as scripts/guests/fetch.mjs leaves them; values from the packages' own tools where not said. */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { expect } from 'vitest'
import { guest, needs } from '../../../../tests/support/needs.ts'
import { parseImage } from './detect.ts'

const read = (name: string): Uint8Array => new Uint8Array(readFileSync(guest(name)))
const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

needs('debian guests')(
  'Debian’s vmlinuz: xz with the x86 filter, as the kernel’s own extract-vmlinux unpacks it',
  async () => {
    const manifest = JSON.parse(readFileSync(guest('manifest.json'), 'utf8'))
    const image = await parseImage(read('vmlinuz-686-pae'), { machine: 'i386' })
    expect(image.format).toEqual(['bzimage', 'xz', 'elf32'])
    // The whole payload is one buffer: the segments are views of it.
    const whole = new Uint8Array(image.segments[0]?.bytes.buffer as ArrayBuffer)
    expect(sha256(whole)).toBe(manifest.files['vmlinux-686-pae'])
    if (manifest.packages[`linux-image-${manifest.kernelRelease}`] === '6.1.176-1') {
      expect(whole.length).toBe(16_404_132)
      // One list of u32 with a zero word before it.
      expect(image.trailer?.length).toBe((279_084 + 1) * 4)
    }
    expect(image.linux?.kernelVersion).toContain(manifest.kernelRelease)
    expect(image.entries).toContainEqual({ kind: 'linux', address: 0x1000000 })
    expect(image.notes.some(note => note.owner === 'Xen' && note.type === 18)).toBe(true)

    const plain = await parseImage(read('vmlinux-686-pae'))
    expect(plain.format).toEqual(['elf32'])
    expect(plain.segments.map(s => [s.paddr, s.memorySize])).toEqual(image.segments.map(s => [s.paddr, s.memorySize]))
    expect(plain.trailer?.length).toBe(image.trailer?.length)
  },
)

needs('debian guests')('gnumach: multiboot ELF, entered where its virtual entry is loaded', async () => {
  const image = await parseImage(read('gnumach'), { machine: 'i386' })
  expect(image.entries).toEqual([
    { kind: 'elf', address: 0xc1000000 },
    { kind: 'multiboot', address: 0x1000000 },
  ])
  expect(image.multiboot?.flags).toBe(3)
})

needs('debian guests')('grub-invaders: ELF with address fields, which win', async () => {
  const image = await parseImage(read('invaders'), { machine: 'i386' })
  expect(image.format).toEqual(['multiboot-kludge', 'elf32'])
  expect(image.segments).toHaveLength(1)
  expect(image.segments[0]?.paddr).toBe(0x100000)
  expect(image.entries.map(e => e.kind)).toEqual(['multiboot'])
})

needs('debian guests')('memtest86+: Linux boot protocol without a payload', async () => {
  const image = await parseImage(read('memtest86+x32.bin'), { machine: 'i386' })
  expect(image.entries).toEqual([{ kind: 'linux32', address: 0x100000 }])
  expect(image.linux?.kernelVersion).toMatch(/^Memtest86\+ v6/)
})
