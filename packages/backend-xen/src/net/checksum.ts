/**
 * A front end may leave the checksum of TCP and UDP to whoever sends the frame on (NETTXF_csum_blank). On the way out of
 * the machine it is filled in (RFC 793, 768: over the pseudo-header and the segment).
 */
import { internetChecksum } from '@paragraft/devices'

const ETHERNET_HEADER = 14
const IPV4 = 0x0800
/** Where each protocol has its checksum. */
const CHECKSUM_AT: Readonly<Record<number, number>> = { 6: 16, 17: 6 }

const u16 = (bytes: Uint8Array, at: number): number => (bytes[at]! << 8) | bytes[at + 1]!

/** Completes an IPv4 frame in place; anything else stays as it is. */
export function fillChecksum(frame: Uint8Array): void {
  if (frame.length < ETHERNET_HEADER + 20 || u16(frame, 12) !== IPV4) return
  const ip = frame.subarray(ETHERNET_HEADER)
  const header = (ip[0]! & 15) * 4
  const length = u16(ip, 2)
  const at = CHECKSUM_AT[ip[9]!]
  if (at === undefined || header < 20 || length > ip.length || header + at + 2 > length) return
  const segment = ip.subarray(header, length)
  segment[at] = segment[at + 1] = 0
  const pseudo = new Uint8Array(12 + segment.length)
  pseudo.set(ip.subarray(12, 20))
  pseudo[9] = ip[9]!
  pseudo[10] = segment.length >> 8
  pseudo[11] = segment.length & 0xff
  pseudo.set(segment, 12)
  // A UDP sum of 0 would say that there is none.
  const sum = internetChecksum(pseudo) || (ip[9] === 17 ? 0xffff : 0)
  segment[at] = sum >> 8
  segment[at + 1] = sum & 0xff
}
