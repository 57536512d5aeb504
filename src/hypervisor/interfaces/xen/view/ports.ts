/** The event channel ports of a domain (layout.ts, PORT), with what its guest sees of them: pending and masked. */
import { PORT, PORT_OF_XEN, PORT_PENDING_EARLY, PORT_WORDS, PORTS, XEN, PORTS_AT } from '../layout.ts';
import { EVENT_WORD, EVTCHNSTAT } from '../abi.ts';
import type { DomainView } from '../../../view/domain-view.ts';
import { SHARED_INFO } from '../shared.ts';
import { type XenView, xenViewOf } from './xen-view.ts';

export interface PortView {
  port: number;
  /** EVTCHNSTAT. */
  state: keyof typeof EVTCHNSTAT;
  /** Domain at the other end, or that may bind there; -1: none. */
  remoteDomain: number;
  /** The other end's port; 0: none. */
  remotePort: number;
  /** Number of the VIRQ or PIRQ; -1: it is for neither. */
  irq: number;
  /** vCPU that its events go to, and FIFO priority. */
  vcpu: number;
  priority: number;
  /** It is the hypervisor's own: what comes in there goes to the domain's device model. */
  ofXen: boolean;
  pending: boolean;
  masked: boolean;
  torn: boolean;
}

const STATES = Object.keys(EVTCHNSTAT) as (keyof typeof EVTCHNSTAT)[];

/** The ports that are open. */
export function portsOf(domain: DomainView | undefined): PortView[] {
  const xen = xenViewOf(domain);
  if (!domain || !xen) return [];
  const { memory } = domain,
    at = xen.block + PORTS_AT;
  const table = memory.block(at, PORTS * PORT_WORDS);
  const ports: PortView[] = [];
  for (let port = 1; port * PORT_WORDS < table.length; port++) {
    if (table[port * PORT_WORDS + PORT.STATE] === EVTCHNSTAT.CLOSED) continue;
    const { words, torn } = memory.copy((at >>> 2) + port * PORT_WORDS, PORT_WORDS);
    const number = words[PORT.STATE],
      to = words[PORT.VCPU];
    if (!(number > EVTCHNSTAT.CLOSED && number < STATES.length)) continue;
    const state = STATES[number];
    const isIrq = state === 'VIRQ' || state === 'PIRQ';
    ports.push({
      port,
      state,
      remoteDomain: state === 'UNBOUND' || state === 'INTERDOMAIN' ? words[PORT.REMOTE] : -1,
      remotePort: state === 'INTERDOMAIN' ? words[PORT.REMOTE_PORT] : 0,
      irq: isIrq ? words[PORT.REMOTE] : -1,
      vcpu: to & 0xff,
      priority: (to >>> 8) & 15,
      ofXen: (to & PORT_OF_XEN) !== 0,
      ...guestBits(xen, port, to),
      torn,
    });
  }
  return ports;
}

/** In the bitmaps of shared_info, or in the port's event word (FIFO). */
function guestBits(xen: XenView, port: number, to: number): { pending: boolean; masked: boolean } {
  const { memory } = xen.domain;
  if (xen.word(XEN.EVENT_ABI) === 1) {
    const page = Math.floor(port / EVENT_WORD.PER_PAGE);
    if (page >= xen.word(XEN.FIFO_PAGES)) return { pending: (to & PORT_PENDING_EARLY) !== 0, masked: false };
    const frame = memory.frame(xen.word(XEN.FIFO_FRAMES + page));
    const word = frame < 0 ? 0 : memory.word(frame + (port % EVENT_WORD.PER_PAGE));
    return { pending: (word & EVENT_WORD.PENDING) !== 0, masked: (word & EVENT_WORD.MASKED) !== 0 };
  }
  const shared = memory.frame(xen.word(XEN.SHARED_INFO));
  const { evtchn_pending, evtchn_mask } = xen.word(XEN.WIDTH) === 32 ? SHARED_INFO[32] : SHARED_INFO[64];
  const bit = (offset: number): boolean =>
    shared >= 0 && ((memory.word(shared + (offset >>> 2) + (port >>> 5)) >>> (port & 31)) & 1) !== 0;
  return { pending: bit(evtchn_pending), masked: bit(evtchn_mask) };
}
