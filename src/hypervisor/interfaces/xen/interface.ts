/** Xen as the interface of a domain's guest: what the domain is to be built like, read from its XEN block, and its half of Xen (guest.ts). */
import { XEN, XEN_TYPE } from './layout.ts';
import type { GuestTraits, InterfaceKind } from '../../domain/guest-interface.ts';
import type { DomainRecord, Machine } from '../../memory/machine.ts';
import { APIC_ID_STEP } from './abi.ts';
import { bootRules } from './boot-rules.ts';
import { type LaterXenParts, XenGuest } from './guest.ts';
import { hasHpet, modelElsewhere } from './hvm/params.ts';
import { ACPI_TABLES, RSDP } from './memory/memory-map.ts';
import { isCodeShared } from './memory/stale.ts';

/** public/arch-x86/hvm/save.h: 16 of the ISA's, 32 for PCI. */
const VIOAPIC_NUM_PINS = 48;

/** `later`: what this domain has of that which not every one has. */
export const xenInterface = (later: LaterXenParts): InterfaceKind => ({
  traits,
  create: parts => new XenGuest(parts, later),
});

function traits(machine: Machine, record: DomainRecord): GuestTraits {
  const { words } = machine,
    block = record.guestOffset >>> 2,
    type = words[block + XEN.TYPE],
    isElsewhere = modelElsewhere(machine, record);
  return {
    // Xen's CPUID policy hides instructions and does not take them away: its guests, hvmloader and GRUB among them, use what every host of Xen has.
    processor: { isCodeShared: mfn => isCodeShared(machine, mfn), masksCpuid: true },
    board: {
      apicIdStep: APIC_ID_STEP,
      ...(type === XEN_TYPE.HVM
        ? {
            board: isElsewhere ? 'hypervisors-devices' : 'pc',
            xenPlatform: true,
            testDevice: false,
            hpet: hasHpet(machine, record),
            ioApicPins: VIOAPIC_NUM_PINS,
          }
        : { board: 'local-apics', acpi: { rsdp: RSDP, tables: ACPI_TABLES } }),
    },
    // What hvmloader starts lies in RAM: an HVM guest of Xen has no ROM below 1 MiB.
    firmware: 'ram',
    resetIsNewDomain: true,
    modelElsewhere: isElsewhere,
    boot: bootRules(type),
    // While it is closed two guest frames show one machine frame: populate on demand takes none.
    a20Changed: isOpen => {
      words[block + XEN.POD_HELD] = isOpen ? 0 : 1;
    },
  };
}
