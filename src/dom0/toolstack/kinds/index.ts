/** Kinds of guests, by the word that their definitions have for them. */
import type { Kind } from '../../../hypervisor/kinds/index.ts';
import type { Definition } from '../../definitions/config/index.ts';
import type { GuestKind } from './kind.ts';
import { kvm } from './kvm.ts';
import { pc } from './pc.ts';
import { hvm, pv, pvh } from './xen.ts';

export type { GuestKind, Planned } from './kind.ts';

const GUEST_KINDS: Readonly<Record<Kind, GuestKind>> = { pc, hvm, pvh, pv, kvm };

export const kindOf = ({ kind }: Pick<Definition, 'kind'>): GuestKind => GUEST_KINDS[kind];
