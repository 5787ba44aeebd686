/**
 * Ethernet, ARP, IPv4 and ICMP as far as a peer that answers needs them (RFC 894, 826, 791, 792): fields at their offsets in
 * a frame without frame check sequence.
 */

/** Payload types (IEEE EtherType registry). */
export const ETHERTYPE_IPV4 = 0x0800
export const ETHERTYPE_ARP = 0x0806
/** Destination, source, type. */
export const ETHERNET_HEADER = 14
export const ARP_LENGTH = 28
export const ARP_REQUEST = 1
export const ARP_REPLY = 2
export const IPPROTO_ICMP = 1
export const ICMP_ECHO_REPLY = 0
export const ICMP_ECHO = 8

/** Big-endian 16-bit word. */
export function u16(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 8) | bytes[at + 1]!
}

/** The Internet checksum: ones' complement of the ones' complement sum (RFC 1071). */
export function internetChecksum(bytes: Uint8Array): number {
  let sum = 0
  for (let at = 0; at < bytes.length; at += 2) sum += (bytes[at]! << 8) | (bytes[at + 1] ?? 0)
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16)
  return ~sum & 0xffff
}

/** True when both ranges hold the same bytes. */
export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index])
}
