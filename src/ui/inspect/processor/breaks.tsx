/** Where the domain stops: before an instruction, after bytes were written or touched, at an exit, a hypercall, a port, an event; and why it did. */

import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { ExitReason, IO_IN } from '../../../cpu/architecture/index.ts';
import { spelled as commandAs } from '../../hypervisors/spelled.ts';
import { breakCommand, pointValue, pointWords } from '../../../dom0/toolstack/breaks/index.ts';
import type { AddressPoint, BreakHit, BreakPoint, TracePoint } from '../../../dom0/service/index.ts';
import { HYPERCALL, hypercallName } from '../../../hypervisor/interfaces/xen/index.ts';
import { addressText, EXIT_NAMES, exitTitle, readAddress } from '../../../hypervisor/view/index.ts';
import { asTask, host } from '../../host.ts';
import { ofHost, type OfEach } from '../../hypervisors/of-host.ts';
import { sentence } from '../../sentence.ts';
import { Icon, Problem } from '../../parts/marks.tsx';
import type { DomainSession } from '../../sessions.ts';
import { BytesChoice, Choice, NumberText, words as fieldWords } from './fields.tsx';

const words = {
  title: 'Stops',
  hint: 'While there is one of an address each instruction runs alone, so that none is missed: a guest that computes is some hundred times slower. Its own debug registers stay as they are.',
  traceHint: 'It stops behind what its trace tells of, once that is done, and is as fast as before.',
  kinds: {
    execute: 'before the instruction at',
    write: 'after a write to',
    access: 'after a read or write of',
    exit: 'at an exit',
    hypercall: 'at a hypercall',
    port: 'at an I/O port',
    event: 'as it sends on port',
  } as Record<BreakPoint['kind'], string>,
  kind: 'When it stops',
  address: 'Linear address',
  number: { exit: 'Reason of the exit', hypercall: 'Hypercall', port: 'I/O port, hexadecimal', event: 'Event channel' },
  notNumber: {
    port: 'An I/O port has up to four hexadecimal digits.',
    event: 'An event channel is a number from 0 to 131071.',
  },
  add: 'Stop there',
  remove: (what: string) => `Remove: ${what}`,
  stopped: (hit: BreakHit) =>
    hit.record
      ? ofRecord(hit.point as TracePoint, hit.record)
      : hit.access
        ? `${hit.instruction === undefined ? 'The processor itself, as it delivered an event,' : `The instruction at ${addressText(hit.instruction)}`} ${hit.access.isWrite ? 'wrote' : 'read'} ${hit.access.bytes} bytes at ${addressText(hit.access.linear)}: ${hit.access.value.toString(16)}. The next one has not begun.`
        : `Before the instruction at ${addressText((hit.point as AddressPoint).linear)}: it has not begun.`,
  exited: (what: string, ip: number) => `${what} at ${addressText(ip)}: it has been handled.`,
  accessed: (isRead: boolean, port: number) => `${isRead ? 'Read of' : 'Write to'} port 0x${port.toString(16)}`,
  called: (number: number, result: number) => `${hypercallName(number)} has returned ${result}.`,
  sent: (port: number, domid: number) =>
    `An event went out on port ${port}${domid < 0 ? ', to itself' : `, to domain ${domid}`}.`,
  vcpu: (n: number) => `vCPU ${n} stopped it.`,
};
const ADDRESS_KINDS = ['execute', 'write', 'access'] as const,
  TRACE_KINDS = ['exit', 'hypercall', 'port', 'event'] as const;
/** KVM's hypercalls leave no record in the trace, and it has no event channels. */
const TRACED: OfEach<readonly (typeof TRACE_KINDS)[number][]> = { xen: TRACE_KINDS, kvm: ['exit', 'port'] };
const isAddress = (point: BreakPoint): point is AddressPoint => 'linear' in point;
const isAddressKind = (kind: BreakPoint['kind']): kind is AddressPoint['kind'] =>
  (ADDRESS_KINDS as readonly string[]).includes(kind);
const MOST_EVENT_PORT = 131_071;

/** The words of a record (hypervisor/tracing/trace.ts, TRACE_KIND): what has happened. */
function ofRecord({ kind }: TracePoint, [a, b, c]: NonNullable<BreakHit['record']>): string {
  if (kind === 'hypercall') return words.called(a, c);
  if (kind === 'event') return words.sent(a, b);
  return words.exited(a === ExitReason.IO ? words.accessed((c & IO_IN) !== 0, c >>> 16) : exitTitle(a), b);
}

const SIZES = [1, 2, 4, 8, 64, 4096];
const LOOK_MS = 300;

/** Where the domain stops, why it did last, and what changes that; `problem`: what was refused. */
function useBreaks(session: DomainSession) {
  const points = useSignal<readonly BreakPoint[]>([]),
    hit = useSignal<BreakHit | undefined>(undefined),
    problem = useSignal('');
  const look = async (): Promise<void> => {
    const seen = await host.inspect('breaks', session.id).catch(() => undefined);
    if (!seen) return;
    points.value = seen.points;
    hit.value = seen.hit;
  };
  useEffect(() => {
    void look();
    const timer = setInterval(() => void look(), LOOK_MS);
    return () => clearInterval(timer);
  }, []);
  const change = (next: readonly BreakPoint[], point: BreakPoint, isOff: boolean) => {
    problem.value = '';
    const { name } = session.info.peek();
    void asTask(breakCommand(name, [pointValue(point, isOff)]), async () => {
      try {
        await host.break(session.id, next);
      } catch (error) {
        problem.value = sentence(error);
        throw error;
      }
      await look();
    });
  };
  return { points, hit, problem, change };
}

/** `eip`: linear, which is suggested; `retired`: a reason holds while it stays so. */
export function Breaks({
  session,
  eip,
  retired,
  isStill,
}: {
  session: DomainSession;
  eip: number;
  retired: number;
  isStill: boolean;
}) {
  const { points, hit, problem, change } = useBreaks(session),
    { value: all } = points,
    reason = hit.value && isStill && hit.value.retired === retired ? hit.value : undefined;
  return (
    <section class="stops">
      <h3>{words.title}</h3>
      <div role="status">
        {reason && (
          <p class="why">
            <b>{words.stopped(reason)}</b> {words.vcpu(reason.vcpu)}
          </p>
        )}
      </div>
      {all.length > 0 && (
        <ul>
          {all.map(point => (
            <li key={spelled(point)}>
              <span class="m">{spelled(point)}</span>
              <button
                class="btn quiet icon sm"
                aria-label={words.remove(spelled(point))}
                title={commandAs(breakCommand(session.info.value.name, [pointValue(point, true)]))}
                onClick={() =>
                  change(
                    all.filter(each => each !== point),
                    point,
                    true,
                  )
                }
              >
                <Icon name="close" />
              </button>
            </li>
          ))}
        </ul>
      )}
      <Adding
        eip={eip}
        add={point =>
          change([...all.filter(each => JSON.stringify(each) !== JSON.stringify(point)), point], point, false)
        }
        refuse={what => {
          problem.value = what;
        }}
      />
      {problem.value && <Problem>{problem.value}</Problem>}
      {all.length > 0 && <p class="cap-t">{all.some(isAddress) ? words.hint : words.traceHint}</p>}
    </section>
  );
}

const spelled = (point: BreakPoint): string =>
  isAddress(point)
    ? `${words.kinds[point.kind]} ${point.kind === 'execute' ? '' : `${fieldWords.count(point.bytes)} `}${addressText(point.linear)}`
    : `${words.kinds[point.kind]} ${pointWords(point)}`;

/** What an exit or a hypercall may be, by number. */
const CHOICES: Readonly<Record<'exit' | 'hypercall', readonly [number: number, name: string][]>> = {
  exit: EXIT_NAMES.map(name => [ExitReason[name as keyof typeof ExitReason], name]),
  hypercall: Object.values(HYPERCALL).map(number => [number, hypercallName(number)]),
};

/** What is written in the form. */
interface Draft {
  kind: BreakPoint['kind'];
  text: string;
  bytes: number;
  exit: number;
  hypercall: number;
}

/** The point that it asks for; a sentence: it is none. Without an address it is `eip`. */
function pointOf({ kind, text, bytes, ...chosen }: Draft, eip: number): BreakPoint | string {
  const word = text.trim();
  if (isAddressKind(kind)) {
    const linear = word ? readAddress(word) : eip;
    return linear === undefined ? fieldWords.notAddress : { kind, linear, bytes: kind === 'execute' ? 1 : bytes };
  }
  if (kind === 'exit' || kind === 'hypercall') return { kind, number: chosen[kind] };
  const number = kind === 'port' ? Number.parseInt(word.replace(/^0x/i, ''), 16) : Number(word),
    isGood = kind === 'port' ? /^(0x)?[\da-f]{1,4}$/i.test(word) : /^\d+$/.test(word) && number <= MOST_EVENT_PORT;
  return isGood ? { kind, number } : words.notNumber[kind];
}

/** Asks where to stop, and for what. `eip` is suggested. */
function Adding({
  eip,
  add,
  refuse,
}: {
  eip: number;
  add: (point: BreakPoint) => void;
  refuse: (why: string) => void;
}) {
  const draft = useSignal<Draft>({
      kind: 'execute',
      text: '',
      bytes: 4,
      exit: ExitReason.HLT,
      hypercall: HYPERCALL.SCHED_OP,
    }),
    { kind, text, bytes } = draft.value,
    change = (part: Partial<Draft>): void => {
      draft.value = { ...draft.value, ...part };
    };
  const submit = (): void => {
    const point = pointOf(draft.value, eip);
    if (typeof point === 'string') refuse(point);
    else add(point);
  };
  return (
    <form
      class="row wrap"
      onSubmit={event => {
        event.preventDefault();
        submit();
      }}
    >
      <Choice
        label={words.kind}
        value={kind}
        options={[...ADDRESS_KINDS, ...ofHost(TRACED)].map(each => [each, words.kinds[each]])}
        choose={value => change({ kind: value as BreakPoint['kind'], text: '' })}
      />
      {(kind === 'write' || kind === 'access') && (
        <BytesChoice sizes={SIZES} bytes={bytes} choose={value => change({ bytes: value })} />
      )}
      {kind === 'exit' || kind === 'hypercall' ? (
        <Choice
          label={words.number[kind]}
          value={draft.value[kind]}
          options={CHOICES[kind]}
          choose={value => change({ [kind]: Number(value) })}
        />
      ) : (
        <NumberText
          label={isAddressKind(kind) ? words.address : words.number[kind]}
          example={isAddressKind(kind) ? addressText(eip) : kind === 'port' ? '1f7' : '3'}
          text={text}
          onType={value => change({ text: value })}
        />
      )}
      <button class="btn sm" type="submit">
        {words.add}
      </button>
    </form>
  );
}
