/** What a running guest is asked or allowed by way of the store and its records. */
import { kindOf } from './kinds/index.ts';
import { SLACK_MIB } from './services.ts';
import type { Member } from './running-domain.ts';
import type { Toolstack } from './toolstack.ts';

type Asking = Pick<Toolstack, 'services' | 'runners'>;

/** As far as the hypervisor lets the guest grow: libxl_domain_setmaxmem. @throws Error with a sentence */
export function setMaxMemory(
  { services }: Asking,
  { record, memoryMiB: now, blueprint: { definition } }: Member,
  memoryMiB: number,
): void {
  if (!kindOf(definition).hasStore) throw new Error('The guest is a plain PC: its memory does not change.');
  if (memoryMiB < now)
    throw new Error(
      'libxl: error: libxl_domain_setmaxmem: memory_static_max must be greater than or or equal to memory_dynamic_max',
    );
  services.dom0.setMaxMem(record.id, memoryMiB + SLACK_MIB);
}

/** How many of its processors the guest may have online: its driver gets the number by the store. @throws Error with a sentence */
export function setVcpus({ services, runners }: Asking, { record, blueprint }: Member, vcpus: number): void {
  if (!kindOf(blueprint.definition).vcpusChange)
    throw new Error('The guest has no paravirtual processors: a PC’s cannot be added or removed while it runs.');
  for (let vcpu = 0; vcpu < record.vcpus; vcpu++)
    services.client.write(`/local/domain/${record.id}/cpu/${vcpu}/availability`, vcpu < vcpus ? 'online' : 'offline');
  runners.poke();
}

/** Linux's magic SysRq: its driver reads the letter in the store. @throws Error with a sentence */
export function sendSysrq({ services, runners }: Asking, { record, attached }: Member, letter: string): void {
  if (!attached) throw new Error('The guest is a plain PC: no driver of it looks into the store.');
  services.client.write(`/local/domain/${record.id}/control/sysrq`, letter);
  runners.poke();
}
