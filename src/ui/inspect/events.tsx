/** Event channels: the guest's ports joined to those at the other end, pending and masked as the guest sees them. */

import type { DomainView } from '../../hypervisor/view/index.ts';
import { nameOf } from '../host.ts';
import { Chip, ownerClass } from '../parts/marks.tsx';
import { inspector } from './frame.tsx';
import type { Shown, Target, Why } from './inspector.ts';
import { portsOf, type PortView } from '../../hypervisor/interfaces/xen/view/index.ts';

const words = {
  nothing: 'No port is open: the guest is a plain PC, or has not bound any yet.',
  port: 'Port',
  state: 'State',
  to: 'Leads to',
  vcpu: 'vCPU',
  pending: 'pending',
  masked: 'masked',
  bits: 'Bits',
  none: 'none',
  states: {
    CLOSED: 'closed',
    UNBOUND: 'waits to be bound',
    INTERDOMAIN: 'interdomain',
    PIRQ: 'physical interrupt',
    VIRQ: 'virtual interrupt',
    IPI: 'between its vCPUs',
  } as Record<string, string>,
  virq: ['VIRQ_TIMER', 'VIRQ_DEBUG', 'VIRQ_CONSOLE', 'VIRQ_DOM_EXC', 'VIRQ_TBUF'],
  model: 'its device model, by Xen',
  priority: 'priority',
  caption: 'Filled: pending. Dashed: masked.',
};
const EVERY_MS = 250,
  /** xen/include/public/xen.h: the domain itself. */
  DOMID_SELF = 0x7ff0;

interface Data {
  ports: PortView[];
  id: number;
}

function leadsTo({ state, remoteDomain, remotePort, irq, ofXen, vcpu }: PortView): string {
  if (ofXen) return words.model;
  if (state === 'VIRQ') return words.virq[irq] ?? `VIRQ ${irq}`;
  if (state === 'PIRQ') return `IRQ ${irq}`;
  if (state === 'IPI') return `vCPU ${vcpu}`;
  if (remoteDomain === DOMID_SELF) return 'itself';
  return remoteDomain < 0 ? words.none : `${nameOf(remoteDomain)}${remotePort > 0 ? `, port ${remotePort}` : ''}`;
}
/** Whose colour the other end of a port has. `id`: of the guest with the port. */
function ownerOf({ state, remoteDomain, ofXen }: PortView, id: number): string {
  if (ofXen || state === 'VIRQ' || state === 'PIRQ') return 'c-hv';
  return ownerClass(remoteDomain >= 0 && remoteDomain < DOMID_SELF ? remoteDomain : id);
}
const bitsOf = ({ pending, masked }: PortView): string =>
  [pending && words.pending, masked && words.masked].filter(Boolean).join(', ');

function open({ session, machine }: Target) {
  return {
    look(): Data | undefined {
      const domain: DomainView | undefined = session && machine?.domain(session.id);
      const ports = portsOf(domain);
      return ports.length === 0 ? undefined : { ports, id: session!.id };
    },
  };
}

/** Where nothing was chosen: the first. */
const portOf = ({ data: { ports }, chosen }: Shown<Data>): PortView =>
  ports.find(({ port }) => String(port) === chosen) ?? ports[0]!;

function Figure(shown: Shown<Data>) {
  const {
      data: { ports, id },
      choose,
    } = shown,
    chosen = String(portOf(shown).port);
  const onKeyDown = (event: KeyboardEvent): void => {
    const now = ports.findIndex(({ port }) => String(port) === chosen),
      to = { ArrowDown: now + 1, ArrowUp: now - 1, Home: 0, End: ports.length - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    choose(String(ports[Math.max(0, Math.min(ports.length - 1, to))]!.port));
  };
  return (
    <figure class={`evt ${ownerClass(id)}`}>
      <div
        tabIndex={0}
        role="group"
        aria-label={`${ports.length} ${words.port}s; ${words.port} ${chosen}`}
        onKeyDown={onKeyDown}
      >
        {ports.map(each => {
          const { port, state, masked, pending } = each;
          return (
            <div
              key={port}
              class={`evr${String(port) === chosen ? ' on' : ''}${masked ? ' masked' : ''}`}
              aria-hidden="true"
              onClick={() => choose(String(port))}
            >
              <b class="m">{port}</b>
              <i class={pending ? 'pending' : ''} />
              <span class={state === 'UNBOUND' ? '' : 'wire'} />
              <span class={`row ${ownerOf(each, id)}`}>
                {state !== 'UNBOUND' && <i class="far" />}
                {leadsTo(each)}
              </span>
              <span class="sec">
                {words.states[state]}
                {bitsOf(each) && `, ${bitsOf(each)}`}
              </span>
            </div>
          );
        })}
      </div>
      <figcaption>{words.caption}</figcaption>
    </figure>
  );
}

function Detail(shown: Shown<Data>) {
  const { id } = shown.data,
    port = portOf(shown);
  return (
    <>
      <h3>
        <Chip id={id} /> {words.port} {port.port}
      </h3>
      <dl class="kv">
        <dt>{words.state}</dt>
        <dd class="plain">{words.states[port.state]}</dd>
        <dt>{words.to}</dt>
        <dd class="plain">{leadsTo(port)}</dd>
        <dt>{words.vcpu}</dt>
        <dd>{port.vcpu}</dd>
        <dt>{words.priority}</dt>
        <dd>{port.priority}</dd>
        <dt>{words.pending}</dt>
        <dd>{port.pending ? 1 : 0}</dd>
        <dt>{words.masked}</dt>
        <dd>{port.masked ? 1 : 0}</dd>
      </dl>
    </>
  );
}

function why(shown: Shown<Data>): Why {
  const port = portOf(shown),
    source = 'xen/include/public/event_channel.h';
  if (port.pending && port.masked)
    return {
      question: 'Why is no vCPU notified?',
      answer: 'The bit is set, and the guest has masked the port. It finds the event when it unmasks.',
      source,
    };
  if (port.pending)
    return {
      question: 'Why is it pending?',
      answer:
        'An event was sent, and the guest has not looked yet: its vCPU is notified once, however many are sent until then.',
      source,
    };
  if (port.state === 'UNBOUND')
    return {
      question: 'Why unbound?',
      answer: 'The guest has opened it for another domain, which has not bound to it yet.',
      source,
    };
  if (port.state === 'VIRQ')
    return {
      question: 'Why a virtual interrupt?',
      answer: 'Xen sends these itself: a timer that has run out, or something that happened to the host.',
      source,
    };
  return {
    question: 'What does an event carry?',
    answer: 'Nothing but the port’s number: a bit in a page that guest and Xen share. What it is about lies in a ring.',
    source,
  };
}

export const Events = inspector<Data>({
  everyMs: EVERY_MS,
  needsMemory: true,
  nothing: words.nothing,
  open,
  Figure,
  Detail,
  why,
  tables: ({ ports }) => [
    {
      name: 'Event channels',
      columns: [words.port, words.state, words.to, words.vcpu, words.bits],
      rows: ports.map(port => [
        port.port,
        words.states[port.state] ?? port.state,
        leadsTo(port),
        port.vcpu,
        bitsOf(port),
      ]),
    },
  ],
});
