/** What the balancer decides, with the figures that led to it. */
import type { MoveCost } from './cost.ts';

export type Because =
  /** The host is too busy, or short of memory. */
  | { what: 'busy' | 'memory' }
  | { what: 'pinned' }
  | { what: 'together' | 'apart'; group: string }
  /** Its host is being emptied. */
  | { what: 'density' };

/** Of a host before a move and after it. */
export interface Ends {
  host: string;
  busy: number;
  busyAfter: number;
  freeBytes: number;
  freeBytesAfter: number;
}

export interface Move {
  kind: 'move';
  /** It is to be made, not only advised. */
  isAutomatic: boolean;
  guest: string;
  because: Because;
  from: Ends;
  to: Ends;
  memoryBytes: number;
  cost: MoveCost;
  /** What is gained, in seconds of a slot; absent where that was not asked: a rule is a rule. */
  benefitSlotSeconds?: number;
}

/** Why a guest stays. */
export type Why =
  | { why: 'pinned' }
  | { why: 'resting'; forMs: number }
  | { why: 'together' | 'apart'; group: string }
  /** The best that was found would be too busy, or short of memory. */
  | { why: 'busy' | 'memory'; to: Ends }
  /** The two would only change places. */
  | { why: 'uneven'; from: Ends; to: Ends }
  | { why: 'cost'; to: string; cost: MoveCost; benefitSlotSeconds: number }
  | { why: 'stop'; to: string; cost: MoveCost }
  | { why: 'nobody' };

export type Staying = { guest: string } & Why;

/** A host that something should be done about, and nothing is. */
export interface Stay {
  kind: 'stay';
  host: string;
  because: Because;
  busy: number;
  freeBytes: number;
  guests: Staying[];
}

export type Decision = Move | Stay;
