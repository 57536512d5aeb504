/** Guest frames that the hypervisor writes by itself, whenever time passes or an event comes: they count as written in each round (memory/dirty-log.ts). */
import { areaEnds } from './areas.ts';
import { XEN, XEN_VCPU } from './layout.ts';
import { type DomainRecord, FRAME_BYTES, FRAME_SHIFT, type Machine } from '../../memory/machine.ts';
import { Ports } from './events/ports.ts';

export function* ownWrites(machine: Machine, record: DomainRecord): Generator<number> {
  const ports = new Ports(machine, record),
    { words } = machine,
    stage = machine.secondStage(record);
  yield words[ports.xenBlock + XEN.SHARED_INFO]!;
  for (let page = 0; page < words[ports.xenBlock + XEN.FIFO_PAGES]!; page++)
    yield words[ports.xenBlock + XEN.FIFO_FRAMES + page]!;
  for (let id = 0; id < ports.vcpus; id++) {
    const vcpu = ports.vcpu(id);
    yield words[vcpu + XEN_VCPU.INFO]! >>> FRAME_SHIFT;
    yield words[vcpu + XEN_VCPU.FIFO_CONTROL]! >>> FRAME_SHIFT;
    for (const area of [XEN_VCPU.RUNSTATE_AREA, XEN_VCPU.TIME_AREA] as const)
      for (const end of areaEnds(words, vcpu, area) ?? []) yield stage.mfn(Math.floor(end / FRAME_BYTES));
  }
}
