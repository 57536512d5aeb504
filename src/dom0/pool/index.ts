/** What src/dom0/pool offers to other rooms. */
export { newCode, readCode, secretsOf } from './code.ts';
export { HUB_HEAD_BYTES, type HubWord, hubRoom, readHubAddress } from './hub-room.ts';
export { Balancer, DEFAULTS, type HostSample, type Mode, wordsOf } from './balancing/index.ts';
export { Remus } from './recovery/remus.ts';
export { Replicas } from './recovery/replicas.ts';
export { CHECKPOINT, encodeHead, encodeKept } from './recovery/checkpoint-messages.ts';
export { lookAt, type LookedGuest, type LookedHost, type PoolLook } from './look.ts';
export { type Membership, membershipOf, type PoolHost } from './membership.ts';
export { hostIdOf, introduction, isRole, type Role, ROLES } from './names.ts';
export type { DiskToMove } from './migration/disks-to-move.ts';
export { Pings } from './migration/pings.ts';
export { channelPair, Neighbourhood, type Neighbours, type Service } from './neighbours.ts';
export { Pool } from './pool.ts';
export { MOST_MESSAGE_BYTES, type Room } from './room.ts';
export { Link } from './sealed.ts';
