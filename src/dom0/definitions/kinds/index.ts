/** Kinds of guests as definitions have them. */
import type { Kind } from '../../../hypervisor/kinds/index.ts';
import type { DefinitionKind } from './kind.ts';
import { kvm } from './kvm.ts';
import { pc } from './pc.ts';
import { hvm, pv, pvh } from './xen.ts';

export type { DefinitionKind } from './kind.ts';

export const DEFINITION_KINDS: Readonly<Record<Kind, DefinitionKind>> = { pc, hvm, pvh, pv, kvm };

export const definedAs = ({ kind }: { kind: Kind }): DefinitionKind => DEFINITION_KINDS[kind];
