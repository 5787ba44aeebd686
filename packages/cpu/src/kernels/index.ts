/** The kernels of all engines: compiled once, instantiated over each machine's memory. */
import { emitForm, type VectorForm } from '../isa/simd/form.ts'
import { VECTOR_FORMS } from '../isa/simd/index.ts'
import { x87Kernels } from '../isa/x87/kernels.ts'
import { type Emitted, prebuilt } from '../prebuilt.ts'
import { SIMD_OPS } from '../simd/index.ts'
import { emitKernels, type Kernel, kernel } from './module.ts'

/** Kernels by the names under which generated code imports them. */
export type Kernels = Record<string, (...args: number[]) => number>

function formKernel(form: VectorForm, memory: boolean): Kernel {
  return kernel(b => {
    b.answer(emitForm(b, form, memory ? b.parameter(1) : null, b.imm()))
  })
}

/** Two places for each SIMD instruction: operand b a register, or in memory. */
function simdKernels(): (Kernel | undefined)[] {
  return VECTOR_FORMS.flatMap((form, i) => {
    if (form === undefined) return [undefined, undefined]
    const { regOnly, memOnly } = SIMD_OPS[i]
    const memory = regOnly ? undefined : formKernel(form, true)
    // A register is where the state keeps it: memory too, and aligned.
    const alike = memory !== undefined && !form.distinct && form.to === 0
    return [memOnly ? undefined : alike ? memory : formKernel(form, false), memory]
  })
}

/** Name of the prebuilt module. */
export const KERNELS = 'kernels'

/** The module of all kernels; it imports no helper. */
export function emitAllKernels(): Emitted {
  return { bytes: emitKernels([...simdKernels(), ...x87Kernels()]), helpers: [] }
}

let compiled: WebAssembly.Module | undefined

/** The kernels over `memory`. */
export function createKernels(memory: WebAssembly.Memory): Kernels {
  compiled ??= new WebAssembly.Module(prebuilt(KERNELS, emitAllKernels).bytes)
  return new WebAssembly.Instance(compiled, { e: { m: memory } }).exports as Kernels
}

/** What stands for them in an engine that is to take the exact path always. */
export const NO_KERNELS: Kernels = { kernel: () => 0 }
