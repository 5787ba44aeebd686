/**
 * The few i386 instructions that a graft is made of, encoded at known addresses (Intel SDM vol. 2).
 *
 * None of them touches a general register, and of the flags only {@link Assembler.lockInc} changes some: what runs
 * before the guest's own first instruction must leave every register as its boot protocol promised.
 */

/** Machine code that grows from `origin`, the linear address at which it will run. */
export class Assembler {
  readonly origin: number
  private readonly out: number[] = []

  constructor(origin: number) {
    this.origin = origin
  }

  /** Linear address of the next instruction. */
  get here(): number {
    return this.origin + this.out.length
  }

  /** MOV dword [address], value: C7 /0 with disp32 and imm32. Registers and flags stay. */
  movMemory(address: number, value: number): this {
    return this.byte(0xc7, 0x05).word(address).word(value)
  }

  /**
   * CALL rel32 that keeps ECX: push ecx (51), call (E8), pop ecx (59), ret (C3). What the kernel's own
   * PV_CALLEE_SAVE thunks do on i386, where EAX and EDX are the caller's anyway.
   */
  callKeepingEcx(target: number): this {
    this.byte(0x51, 0xe8)
    return this.word(target - (this.here + 4)).byte(0x59, 0xc3)
  }

  /** JMP rel32: E9. */
  jump(target: number): this {
    this.byte(0xe9)
    return this.word(target - (this.here + 4))
  }

  /**
   * LOCK INC dword SS:[address]: F0 36 FF /0. Changes the arithmetic flags except CF. By way of SS, for a kernel that is about to
   * return has the user's DS already, and that may be null.
   */
  lockInc(address: number): this {
    return this.byte(0xf0, 0x36, 0xff, 0x05).word(address)
  }

  /** The host-op opcode, 0F 3F imm16: valid only at CPL 0 inside a registered stub page. */
  hostOp(index: number): this {
    return this.byte(0x0f, 0x3f, index & 0xff, index >> 8)
  }

  /** RET: C3. */
  ret(): this {
    return this.byte(0xc3)
  }

  /** Fills up to a multiple of `to` with INT3, which nobody should reach. */
  align(to: number): this {
    while (this.here % to !== 0) this.byte(0xcc)
    return this
  }

  bytes(): Uint8Array {
    return Uint8Array.from(this.out)
  }

  private byte(...values: number[]): this {
    this.out.push(...values)
    return this
  }

  private word(value: number): this {
    return this.byte(value & 0xff, (value >>> 8) & 0xff, (value >>> 16) & 0xff, (value >>> 24) & 0xff)
  }
}

/** Length of {@link Assembler.movMemory}, of a jump, and of the longer of the two thunks, in bytes. */
export const MOV_MEMORY_BYTES = 10
export const JUMP_BYTES = 5
export const THUNK_BYTES = 8 + 8
