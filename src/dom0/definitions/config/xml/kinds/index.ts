/** Kinds of guests in libvirt's documents. */
import type { Kind } from '../../../../../hypervisor/kinds/index.ts';
import type { DomainType, XmlKind } from './domain-type.ts';
import { kvm } from './kvm.ts';
import { hvm, pv, pvh, xen } from './xen.ts';

export type { DomainType } from './domain-type.ts';

export const XML_KINDS: Readonly<Record<Kind, XmlKind>> = { pc: hvm, hvm, pvh, pv, kvm };

export const inXml = ({ kind }: { kind: Kind }): XmlKind => XML_KINDS[kind];

/** Undefined: libvirt has it for other hypervisors. */
export const domainType = (name = 'xen'): DomainType | undefined => [xen, kvm.type].find(each => each.name === name);
