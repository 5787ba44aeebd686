/**
 * A writer of cpio archives in the "newc" format, as the Linux kernel unpacks an initramfs
 * (Documentation/driver-api/early-userspace/buffer-format.rst). Nothing in an archive depends on the machine or the hour.
 */

const S_IFREG = 0o100000
const S_IFDIR = 0o040000
const S_IFLNK = 0o120000
const S_IFCHR = 0o020000

/** Collects entries in order; `finish()` gives the archive. */
export class CpioWriter {
  #chunks = []
  #inode = 1

  directory(name, mode = 0o755) {
    this.#entry(name, S_IFDIR | mode, Buffer.alloc(0))
  }

  file(name, bytes, mode = 0o644) {
    this.#entry(name, S_IFREG | mode, Buffer.from(bytes))
  }

  symlink(name, target) {
    this.#entry(name, S_IFLNK | 0o777, Buffer.from(target))
  }

  characterDevice(name, major, minor, mode = 0o600) {
    this.#entry(name, S_IFCHR | mode, Buffer.alloc(0), major, minor)
  }

  #entry(name, mode, data, rmajor = 0, rminor = 0) {
    const hex = value => (value >>> 0).toString(16).toUpperCase().padStart(8, '0')
    const nameBytes = Buffer.from(`${name}\0`)
    // c_ino c_mode c_uid c_gid c_nlink c_mtime c_filesize c_maj c_min c_rmaj c_rmin c_namesize c_chksum
    const fields = [this.#inode++, mode, 0, 0, 1, 0, data.length, 0, 0, rmajor, rminor, nameBytes.length, 0]
    this.#chunks.push(pad4(Buffer.concat([Buffer.from(`070701${fields.map(hex).join('')}`), nameBytes])), pad4(data))
  }

  finish() {
    this.#inode = 0
    this.#entry('TRAILER!!!', 0, Buffer.alloc(0))
    return Buffer.concat(this.#chunks)
  }
}

/** Header and data are each padded to four bytes (the header's 110 bytes count together with the name). */
function pad4(buffer) {
  const rest = buffer.length % 4
  return rest === 0 ? buffer : Buffer.concat([buffer, Buffer.alloc(4 - rest)])
}
