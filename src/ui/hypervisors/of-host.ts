/** Which hypervisor the page's host has. What is said and shown of a hypervisor is a record with an entry for each, so that none is forgotten. */
import { info } from '../host-info.ts';

export type Hypervisor = 'xen' | 'kvm';
/** The same of each hypervisor. */
export type OfEach<T> = Readonly<Record<Hypervisor, T>>;

/** That of the page's host; Xen until the host has said which. */
export const hypervisorOfHost = (): Hypervisor => info.value?.hypervisor ?? 'xen';
/** What the hypervisor of the page's host has. */
export const ofHost = <T>(each: OfEach<T>): T => each[hypervisorOfHost()];

/** What the hypervisor and the system that drives the devices are called. */
const NAMES: OfEach<{ hypervisor: string; host: string }> = {
  xen: { hypervisor: 'Xen', host: 'Domain-0' },
  kvm: { hypervisor: 'KVM', host: 'host system' },
};
export const hypervisorName = (): string => ofHost(NAMES).hypervisor;
export const hostSystemName = (): string => ofHost(NAMES).host;
