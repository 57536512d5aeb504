/** What src/dom0/toolstack/tracing offers to other rooms. */
export { type Copy, type Crossing, type Crossings, CrossingsWatch } from './crossings.ts';
export {
  type ExitsOf,
  type Followed,
  Follower,
  formatFollowed,
  type Hop,
  MOST_REQUESTS,
  type Names,
  type Step,
  stepsOf,
} from './follow.ts';
