/** What src/dom0/tracing offers to other rooms. */
export { type Followed, Follower, formatFollowed, type Hop, type Names } from './follow.ts';
