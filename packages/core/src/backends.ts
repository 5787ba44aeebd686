/**
 * The options of backends as types, by name. A backend's package adds its own, and whoever has its types in sight gets them
 * completed and checked in `defineConfig`:
 *
 *     import type {} from '@paragraft/core/backends'
 *     declare module '@paragraft/core/backends' {
 *       interface BackendOptionTypes {
 *         mine: OptionsOf<typeof OPTIONS>
 *       }
 *     }
 */
// biome-ignore lint/suspicious/noEmptyInterface: backends fill it
export interface BackendOptionTypes {}
