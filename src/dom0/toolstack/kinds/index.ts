/** Kinds of guests, by the word that their definitions have for them. */
import type { Kind } from '../../../hypervisor/kinds/index.ts';
import type { Definition } from '../../definitions/config/index.ts';
import { DEFINITION_KINDS } from '../../definitions/kinds/index.ts';
import type { HypervisorKind } from '../boot/menu/index.ts';
import type { GuestKind } from './kind.ts';
import { kvm } from './kvm/index.ts';
import { pc } from './pc.ts';
import { hvm, pv, pvh } from './xen/index.ts';

export type { GuestKind, Planned } from './kind.ts';
export type { ModelPlace } from './model-place.ts';

const GUEST_KINDS: Readonly<Record<Kind, GuestKind>> = { pc, hvm, pvh, pv, kvm };

export const kindOf = ({ kind }: Pick<Definition, 'kind'>): GuestKind => GUEST_KINDS[kind];

/** Of a domain that is there. */
export const kindOfMember = ({ blueprint }: { blueprint: { definition: Definition } }): GuestKind =>
  kindOf(blueprint.definition);

/** Kinds that each hypervisor's own tools make. */
const MADE_BY: Readonly<Record<HypervisorKind, readonly Kind[]>> = { xen: ['pv', 'pvh', 'hvm'], kvm: ['kvm'] };

/** Kinds of new guests on a host. */
export const newKindsOn = ({ kind, hasVt }: { kind: HypervisorKind; hasVt: boolean }): Kind[] =>
  MADE_BY[kind].filter(each => hasVt || !DEFINITION_KINDS[each].needsVt);
