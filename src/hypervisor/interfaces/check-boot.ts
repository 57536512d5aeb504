/** Whether a domain can start what it is to boot, asked before there is a domain. */
import type { CpuModel } from '../../cpu/architecture/index.ts';
import { checkBoot as check } from '../domain/boot.ts';
import type { Boot, BootRules } from '../domain/booted.ts';
import type { GuestRam } from '../layout/ram-layout.ts';
import { XEN_TYPE } from './xen/layout.ts';
import type { Kind } from '../kinds/index.ts';
import type { EntryState } from '../loader/index.ts';
import { bootRules } from './xen/boot-rules.ts';

/** Of guests of Xen; others have no rules but the loader's. */
const RULES: Partial<Record<Kind, BootRules>> = {
  hvm: bootRules(XEN_TYPE.HVM),
  pvh: bootRules(XEN_TYPE.PVH),
  pv: bootRules(XEN_TYPE.PV),
};

/**
 * Goes through all checks of loading. `cpuLevel`: of its processor; absent: what the kernel needs.
 * @throws LoadError with a sentence for people
 */
export const checkBoot = (boot: Boot, ram: GuestRam, kind: Kind, cpuLevel?: CpuModel): EntryState | undefined =>
  check(boot, ram, RULES[kind], cpuLevel);
