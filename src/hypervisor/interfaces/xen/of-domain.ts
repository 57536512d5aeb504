/** For code that knows that a domain's guest may be one of Xen. */
import type { Domain } from '../../domain/domain.ts';
import type { XenGuest } from './guest.ts';

/** The domain's half of Xen; undefined: its guest sees something else. */
export const xenOf = ({ guest }: Pick<Domain, 'guest'>): XenGuest | undefined =>
  guest.name === 'xen' ? (guest as XenGuest) : undefined;
