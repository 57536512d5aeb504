/** Whether a domain can start what it is to boot, asked before there is a domain. */
import type { CpuModel } from '../../cpu/architecture/index.ts';
import { checkBoot as check } from '../domain/boot.ts';
import type { Boot } from '../domain/booted.ts';
import type { GuestRam } from '../layout/ram-layout.ts';
import { XEN_TYPE } from './xen/layout.ts';
import type { EntryState } from '../loader/index.ts';
import { bootRules } from './xen/boot-rules.ts';

const XEN_TYPES = { hvm: XEN_TYPE.HVM, pvh: XEN_TYPE.PVH, pv: XEN_TYPE.PV } as const;

/**
 * Goes through all checks of loading. `xen`: what the domain shows of Xen; absent: a plain PC. `cpuLevel`: of its processor; absent: what the kernel needs.
 * @throws LoadError with a sentence for people
 */
export const checkBoot = (
  boot: Boot,
  ram: GuestRam,
  xen?: keyof typeof XEN_TYPES,
  cpuLevel?: CpuModel,
): EntryState | undefined => check(boot, ram, xen && bootRules(XEN_TYPES[xen]), cpuLevel);
