/** Devices that answer inside RAM's range (a VGA window at A0000h): the processor must ask them, not RAM. */
import type { MmioBus } from '@paragraft/core'
import { PAGE_HOLE, type Processor } from '@paragraft/cpu'

const PAGE = 4096

/** A memory-mapped bus that tells the processor which pages below the end of RAM belong to devices. */
export function holeyBus(bus: MmioBus, processor: Processor): MmioBus {
  return {
    claim(base, length, handler, name) {
      const release = bus.claim(base, length, handler, name)
      const first = Math.floor(base / PAGE)
      const end = Math.min(Math.ceil((base + length) / PAGE), processor.pageFlags.length)
      for (let page = first; page < end; page++) processor.pageFlags[page]! |= PAGE_HOLE
      processor.flushTlb('all')
      return () => {
        release()
        for (let page = first; page < end; page++) processor.pageFlags[page]! &= ~PAGE_HOLE
        processor.flushTlb('all')
      }
    },
  }
}
