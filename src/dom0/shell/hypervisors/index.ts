/** The host's system as a login finds it. */
import type { CommandHost } from '../../toolstack/index.ts';
import { kvm } from './kvm.ts';
import type { HostSystem } from './system.ts';
import { xen } from './xen.ts';

export const systemOf = ({ toolstack: { hypervisor } }: CommandHost): HostSystem => ({ xen, kvm })[hypervisor.kind];
