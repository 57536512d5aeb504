/** Guest frames that the hypervisor writes by itself, whenever time passes or an event comes: they count as written in each round (memory/dirty-log.ts). */
import { XEN, XEN_VCPU } from './layout.ts';
import { type DomainRecord, FRAME_SHIFT, type Machine } from '../../memory/machine.ts';
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
    // Guest-physical addresses of an area's first and last byte, each + 1.
    for (const area of [XEN_VCPU.RUNSTATE_AREA, XEN_VCPU.TIME_AREA])
      for (const end of [words[vcpu + area]!, words[vcpu + area + 1]!])
        if (end !== 0) yield stage.mfn((end - 1) >>> FRAME_SHIFT);
  }
}
