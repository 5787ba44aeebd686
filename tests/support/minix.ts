/**
 * A small disk with a file system on it: Minix, version 1 with names of 14 bytes (Tanenbaum, "Operating Systems: Design and
 * Implementation", 5.6). Blocks of 1 KiB: boot, superblock, the two bit maps, inodes, data.
 */

const BLOCK = 1024
const MAGIC = 0x137f
const INODE_SIZE = 32
const DIRECTORY = 0o040755
const FILE = 0o100644

/** An image of `blocks` blocks with these files, of at most a block each, in its root. */
export function minixDisk(blocks: number, files: Readonly<Record<string, string>>): Buffer {
  const inodes = BLOCK / INODE_SIZE
  const firstData = 5
  const disk = Buffer.alloc(blocks * BLOCK)
  const names = Object.keys(files)
  const superblock = [inodes, blocks, 1, 1, firstData, 0]
  superblock.forEach((value, i) => disk.writeUInt16LE(value, BLOCK + 2 * i))
  disk.writeUInt32LE(7 * BLOCK + 512 * BLOCK + 512 * 512 * BLOCK, BLOCK + 12)
  disk.writeUInt16LE(MAGIC, BLOCK + 16)
  disk.writeUInt16LE(1, BLOCK + 18)

  // Bit 0 of a map is never used; the root has inode 1. Bits beyond the end are taken.
  const used = names.length + 1
  const mark = (map: number, taken: number, count: number): void => {
    for (let bit = 0; bit < BLOCK * 8; bit++) {
      if (bit <= taken || bit > count) disk[map + (bit >> 3)]! |= 1 << (bit & 7)
    }
  }
  mark(2 * BLOCK, used, inodes)
  mark(3 * BLOCK, used, blocks - firstData)

  const inode = (number: number, mode: number, size: number): void => {
    const at = 4 * BLOCK + (number - 1) * INODE_SIZE
    disk.writeUInt16LE(mode, at)
    disk.writeUInt32LE(size, at + 4)
    disk[at + 13] = mode === DIRECTORY ? 2 : 1
    disk.writeUInt16LE(firstData + number - 1, at + 14)
  }
  const entries = [['.', 1], ['..', 1], ...names.map((name, i) => [name, i + 2])] as [string, number][]
  inode(1, DIRECTORY, entries.length * 16)
  entries.forEach(([name, number], i) => {
    disk.writeUInt16LE(number, firstData * BLOCK + 16 * i)
    disk.write(name, firstData * BLOCK + 16 * i + 2, 14, 'latin1')
  })
  names.forEach((name, i) => {
    const contents = Buffer.from(files[name]!, 'latin1')
    inode(i + 2, FILE, contents.length)
    contents.copy(disk, (firstData + i + 1) * BLOCK)
  })
  return disk
}

/** A disk with a partition table in its first sector (the PC's) and a file system in its only partition, at this sector. */
export function partitioned(volume: Buffer, sector = 63): Buffer {
  const disk = Buffer.alloc(sector * 512 + volume.length)
  volume.copy(disk, sector * 512)
  // Type 81h: Minix. First sector, sectors; addresses by cylinder are beyond counting.
  disk.set([0, 0xfe, 0xff, 0xff, 0x81, 0xfe, 0xff, 0xff], 446)
  disk.writeUInt32LE(sector, 454)
  disk.writeUInt32LE(volume.length / 512, 458)
  disk.writeUInt16LE(0xaa55, 510)
  return disk
}
