/** What src/dom0/pool offers to other rooms. */
export { newCode, readCode, secretsOf } from './code.ts';
export {
  HUB_HEAD_BYTES,
  type HubHello,
  type HubWord,
  hubRoom,
  readHubAddress,
} from './hub-room.ts';
export { type Joined, type Membership, membershipOf } from './membership.ts';
export { hostIdOf, type Introduction, nameProblem } from './names.ts';
export { Neighbourhood, type Neighbours, type Service } from './neighbours.ts';
export { type Neighbour, Pool, type PoolParts } from './pool.ts';
export type { HostLoad, SharedGuest, SharedHost, SharedState, SharedTask } from './shared-state.ts';
export { MOST_MESSAGE_BYTES, type Room, type RoomListener } from './room.ts';
