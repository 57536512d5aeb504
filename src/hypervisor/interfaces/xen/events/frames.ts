/** Frames that event channels hold: vcpu_info, pages of FIFO events, shared_info; and ends of ports that belong together. */
import { FRAME_SHIFT } from '../../../layout/layout.ts';
import { PORT, PORTS, XEN, XEN_VCPU, XEN_VIRQS } from '../layout.ts';
import type { FrameHolder, Tally } from '../../../memory/frame-holder.ts';
import type { DomainRecord } from '../../../memory/machine.ts';
import { EVTCHNSTAT } from '../abi.ts';
import { fifoRepair } from './fifo.ts';
import { Ports } from './ports.ts';

export const PORT_FRAMES: FrameHolder = {
  detach(machine, record) {
    new Ports(machine, record).relinquish();
  },

  repair(machine, dead, domains) {
    // Nobody waits for it to forget translations.
    for (const other of domains) {
      const ports = new Ports(machine, other);
      // To take a lock is to repair it.
      ports.locked(() => {});
      for (let id = 0; id < ports.vcpus; id++) fifoRepair(ports, id);
      if (other.index !== dead.index) ports.tellAgain();
    }
  },

  audit(tally, domains) {
    for (const record of domains) {
      auditPages(tally, record);
      auditPorts(tally, record, domains);
    }
  },

  shows: ({ words }, record, mfn) => words[(record.guestOffset >>> 2) + XEN.SHARED_INFO] === mfn,
};

function auditPages(tally: Tally, record: DomainRecord): void {
  const { machine } = tally,
    { words } = machine;
  const ports = new Ports(machine, record);
  for (let id = 0; id < ports.vcpus; id++) {
    const vcpu = ports.vcpu(id);
    const info = words[vcpu + XEN_VCPU.INFO_MFN] - 1,
      control = words[vcpu + XEN_VCPU.FIFO_CONTROL];
    if (info >= 0 && !ports.isSharedInfo(info)) tally.write(info);
    if (control !== 0) tally.write(control >>> FRAME_SHIFT);
    if (words[vcpu + XEN_VCPU.FIFO_LOCK] !== 0)
      tally.say(`the lock of domain ${record.id}'s FIFO queues of vCPU ${id} is held`);
  }
  for (let page = 0; page < words[ports.xenBlock + XEN.FIFO_PAGES]; page++)
    tally.write(words[ports.xenBlock + XEN.FIFO_FRAMES + page]);
}

function auditPorts(tally: Tally, record: DomainRecord, domains: readonly DomainRecord[]): void {
  const { machine } = tally,
    { words } = machine;
  const ports = new Ports(machine, record);
  for (let port = 1; port < PORTS; port++) {
    const entry = ports.entry(port);
    const name = `port ${port} of domain ${record.id}`;
    const remote = words[entry + PORT.REMOTE];
    switch (words[entry + PORT.STATE]) {
      case EVTCHNSTAT.CLOSED:
      case EVTCHNSTAT.UNBOUND:
      case EVTCHNSTAT.IPI:
      case EVTCHNSTAT.PIRQ:
        break;
      case EVTCHNSTAT.INTERDOMAIN: {
        const other = domains.find(({ id }) => id === remote);
        if (!other) tally.say(`${name} is bound to domain ${remote}, which is not there`);
        else {
          const theirs = new Ports(machine, other).entry(words[entry + PORT.REMOTE_PORT]);
          if (
            words[theirs + PORT.STATE] !== EVTCHNSTAT.INTERDOMAIN ||
            words[theirs + PORT.REMOTE] !== record.id ||
            words[theirs + PORT.REMOTE_PORT] !== port
          )
            tally.say(
              `${name} is bound to port ${words[entry + PORT.REMOTE_PORT]} of domain ${remote}, which is not bound to it`,
            );
        }
        break;
      }
      case EVTCHNSTAT.VIRQ: {
        const bound = Array.from({ length: ports.vcpus }, (_, id) => words[ports.vcpu(id) + XEN_VCPU.VIRQ + remote]);
        if (!bound.includes(port)) tally.say(`${name} is for VIRQ ${remote}, which goes elsewhere`);
        break;
      }
      default:
        tally.say(`${name} has state ${words[entry + PORT.STATE]}`);
    }
    if (ports.target(port) >= ports.vcpus)
      tally.say(`${name} is delivered to vCPU ${ports.target(port)}, which is not there`);
  }
  for (let id = 0; id < ports.vcpus; id++) {
    for (let virq = 0; virq < XEN_VIRQS; virq++) {
      const port = words[ports.vcpu(id) + XEN_VCPU.VIRQ + virq];
      if (
        port !== 0 &&
        (words[ports.entry(port) + PORT.STATE] !== EVTCHNSTAT.VIRQ || words[ports.entry(port) + PORT.REMOTE] !== virq)
      )
        tally.say(`VIRQ ${virq} of domain ${record.id} goes to port ${port}, which is not its`);
    }
  }
}
