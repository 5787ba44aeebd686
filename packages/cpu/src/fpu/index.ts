/** The x87 unit: {@link executeX87} and {@link fwait} are what the engines call; the rest serves FXSAVE and tests. */
export { initialise, restoreState, saveState, setStatusWord, setTagWord, statusWord, tagWord } from './environment.ts'
export { checkPending, executeX87, fwait } from './x87.ts'
