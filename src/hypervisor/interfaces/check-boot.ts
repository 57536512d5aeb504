/** Whether a domain can start what it is to boot, asked before there is a domain. */
import type { CpuModel } from '../../cpu/architecture/index.ts';
import { checkBoot as check } from '../domain/boot.ts';
import type { Boot } from '../domain/booted.ts';
import type { GuestRam } from '../layout/ram-layout.ts';
import { XEN_TYPE } from './xen/layout.ts';
import { findsXen, type Kind, type XenKind } from '../kinds/index.ts';
import type { EntryState } from '../loader/index.ts';
import { bootRules } from './xen/boot-rules.ts';

const XEN_TYPES: Readonly<Record<XenKind, number>> = { hvm: XEN_TYPE.HVM, pvh: XEN_TYPE.PVH, pv: XEN_TYPE.PV };

/**
 * Goes through all checks of loading. `cpuLevel`: of its processor; absent: what the kernel needs.
 * @throws LoadError with a sentence for people
 */
export const checkBoot = (boot: Boot, ram: GuestRam, kind: Kind, cpuLevel?: CpuModel): EntryState | undefined =>
  check(boot, ram, findsXen(kind) ? bootRules(XEN_TYPES[kind]) : undefined, cpuLevel);
