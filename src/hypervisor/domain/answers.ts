/** What a domain's processor asks without an exit, and who answers. */
import type { Processor, ProcessorOptions } from '../../cpu/architecture/index.ts';
import type { LocalApic } from '../../devices/apic/index.ts';
import type { GuestInterface } from './guest-interface.ts';
import type { Platform } from './platform.ts';

/** What is needed of the domain, and of its exits (exits.ts). */
interface Asked {
  readonly options: { apic?: boolean };
  readonly guest: Pick<GuestInterface, 'tscChanged'>;
  readonly platform: Pick<Platform, 'localApic' | 'setApicBase'>;
  readonly vcpus: { readonly current: { readonly id: number } };
  readonly processor: Pick<Processor, 'stop'>;
  readonly map: { demand(gfn: number): boolean };
}
interface Answers {
  answerInPlace(): boolean;
  readApicQuietly(address: number, size: number): number;
  answerPortInPlace(): boolean;
  answerCpuidInPlace(): boolean;
}

/** What a domain's processor asks without an exit. */
export function answersOf(domain: Asked, exits: () => Answers): Partial<ProcessorOptions> {
  const own = (): LocalApic | undefined => domain.platform.localApic?.(domain.vcpus.current.id);
  const apic: Partial<ProcessorOptions> = {
    apic: true,
    taskPriority: {
      get: () => own()?.read(APIC_TPR, 4) ?? 0,
      set: value => {
        own()?.write(APIC_TPR, value, 4);
        // What it held back may come now.
        domain.processor.stop();
      },
    },
  };
  return {
    answerAccess: () => exits().answerInPlace(),
    readQuietly: (gfn, offset, size) => exits().readApicQuietly(gfn * 4096 + offset, size),
    answerPort: () => exits().answerPortInPlace(),
    answerCpuid: () => exits().answerCpuidInPlace(),
    apicBaseChanged: low => domain.platform.setApicBase?.(low, domain.vcpus.current.id),
    tscChanged: () => domain.guest.tscChanged?.(),
    bring: gfn => void domain.map.demand(gfn),
    ...(domain.options.apic ? apic : {}),
  };
}
/** Task-priority register, in the local APIC's page. */
const APIC_TPR = 0x80;
