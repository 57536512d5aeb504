/** Libvirt's driver of the host's hypervisor. */
import type { CommandHost, Uses } from '../../toolstack/index.ts';
import { ERROR_DOMAIN, type LibvirtError } from '../errors.ts';
import type { Driver } from './driver.ts';
import { kvm } from './kvm.ts';
import { xen } from './xen.ts';

export type { DomainKind, RunningCard } from './driver.ts';

const DRIVERS: Readonly<Record<CommandHost['toolstack']['hypervisor']['kind'], Driver>> = { xen, kvm };

export const driverOf = ({ toolstack: { hypervisor } }: Pick<CommandHost, 'toolstack'>): Driver =>
  DRIVERS[hypervisor.kind];

/** virErrorDomain of an error: what no other part of libvirt says is the driver's. */
export const errorDomainOf = (host: Uses<'toolstack'>, { from }: LibvirtError): number =>
  ERROR_DOMAIN[from === 'libxl' ? driverOf(host).name : from];

/** A function of the host's driver, as virCheckFlags() names it: both have it by one name. */
export const functionOf = (host: Uses<'toolstack'>, name: string): string => `${driverOf(host).name}${name}`;
