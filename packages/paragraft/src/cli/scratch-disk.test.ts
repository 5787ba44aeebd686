import { expect, test } from 'vitest'
import { ScratchDisk } from './scratch-disk.ts'

test('what is written is read back, and the disk below stays as it was', () => {
  const below = new Uint8Array(4 * 512).fill(1)
  const disk = new ScratchDisk({
    sectors: 4,
    readOnly: true,
    read: (sector, into) => into.set(below.subarray(sector * 512, sector * 512 + into.length)),
    write: () => {
      throw new Error('the disk below is not written')
    },
    flush: () => {},
  })
  const two = new Uint8Array(1024).fill(7)
  disk.write(1, two)
  two.fill(9)
  const all = new Uint8Array(2048)
  disk.read(0, all)
  expect([all[511], all[512], all[1535], all[1536]]).toEqual([1, 7, 7, 1])
  expect(below.every(byte => byte === 1)).toBe(true)
  expect([disk.sectors, disk.readOnly]).toEqual([4, false])
})
