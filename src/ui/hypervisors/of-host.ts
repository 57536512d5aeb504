/** Which hypervisor the page's host has. What is said and shown of a hypervisor is a record with an entry for each, so that none is forgotten. */
import { info } from '../host-info.ts';

export type Hypervisor = 'xen' | 'kvm';
/** The same of each hypervisor. */
export type OfEach<T> = Readonly<Record<Hypervisor, T>>;

/** That of the page's host; Xen until the host has said which. */
export const hypervisorOfHost = (): Hypervisor => info.value?.hypervisor ?? 'xen';
/** What the hypervisor of the page's host has. */
export const ofHost = <T>(each: OfEach<T>): T => each[hypervisorOfHost()];

/** What the hypervisor, the system that drives the devices, and a guest with a PC's board are called. */
const NAMES: OfEach<{ hypervisor: string; host: string; hvm: string }> = {
  xen: { hypervisor: 'Xen', host: 'Domain-0', hvm: 'HVM' },
  kvm: { hypervisor: 'KVM', host: 'host system', hvm: 'KVM' },
};
export const hypervisorName = (): string => ofHost(NAMES).hypervisor;
export const hostSystemName = (): string => ofHost(NAMES).host;
/** A guest's mode, by xl's word for its type. */
export const modeName = (type: string): string => (type === 'hvm' ? ofHost(NAMES).hvm : type.toUpperCase());
