/** The engines by their names here. */
import type { EngineKind } from '@paragraft/cpu'

/** Engines to choose from. `auto` is the fastest that this version has. */
export const ENGINES = ['auto', 'translator', 'interpreter', 'reference'] as const
export type EngineName = (typeof ENGINES)[number]

/** What the processor package calls each of them. */
export const ENGINE_KINDS: Readonly<Record<EngineName, EngineKind>> = {
  auto: 'translator',
  translator: 'translator',
  interpreter: 'interpreter',
  reference: 'reference',
}
