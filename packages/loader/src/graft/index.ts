/** Grafting ops modules onto a guest: plan, then apply. */
export { type AppliedGraft, applyGraft, codeCalls } from './apply.ts'
export { installLateGraft, isPatched, placeLateGraft, planLateGraft } from './late.ts'
export {
  type CallCounter,
  type GraftPlan,
  type GraftRequest,
  type PlannedStub,
  planGraft,
  type SlotOwner,
} from './plan.ts'
