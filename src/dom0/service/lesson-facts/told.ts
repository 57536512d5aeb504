/** What the families of facts have of a domain, and what they tell. */
import type { DomainView } from '../../../hypervisor/view/index.ts';
import type { CommandHost, Guest } from '../../toolstack/index.ts';
import type { RingFacts } from '../front-rings.ts';

export interface Facts {
  /** They only grow: what counts is by how much. */
  counts: Record<string, number>;
  /** As they are now. */
  values: Record<string, number>;
}

export interface Looked {
  host: CommandHost;
  id: number;
  member: Guest;
  domain: DomainView;
  /** Of its devices. */
  rings: readonly RingFacts[];
}

/** Tells what it knows of a domain into `facts`. */
export type Family = (looked: Looked, facts: Facts) => void;
