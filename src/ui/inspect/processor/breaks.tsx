/** Where the domain stops: before an instruction, or after bytes were written or touched; and why it did. */

import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import type { BreakHit, BreakPoint } from '../../../dom0/service/index.ts';
import { addressText, readAddress } from '../../../hypervisor/view/index.ts';
import { asTask, host, sentence } from '../../host.ts';
import { Icon, Problem } from '../../parts/marks.tsx';
import type { DomainSession } from '../../sessions.ts';

const words = {
  title: 'Stops',
  hint: 'While there is one each instruction runs alone, so that none is missed: a guest that computes is some hundred times slower. Its own debug registers stay as they are.',
  kinds: {
    execute: 'before the instruction at',
    write: 'after a write to',
    access: 'after a read or write of',
  } as Record<BreakPoint['kind'], string>,
  kind: 'When it stops',
  address: 'Linear address',
  bytes: 'Bytes',
  add: 'Stop there',
  remove: (what: string) => `Remove: ${what}`,
  count: (bytes: number) => `${bytes} bytes at`,
  notAddress:
    'A linear address has up to 16 hexadecimal digits and is canonical: up to 00007fffffffffff, or from ffff800000000000 on.',
  stopped: (hit: BreakHit) =>
    hit.access
      ? `${hit.instruction === undefined ? 'The processor itself, as it delivered an event,' : `The instruction at ${addressText(hit.instruction)}`} ${hit.access.isWrite ? 'wrote' : 'read'} ${hit.access.bytes} bytes at ${addressText(hit.access.linear)}: ${hit.access.value.toString(16)}. The next one has not begun.`
      : `Before the instruction at ${addressText(hit.point.linear)}: it has not begun.`,
  vcpu: (n: number) => `vCPU ${n} stopped it.`,
};
const FLAGS: Readonly<Record<BreakPoint['kind'], string>> = { execute: '', write: '-w ', access: '-a ' };
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
  const change = (next: readonly BreakPoint[], point: BreakPoint, off: string) => {
    problem.value = '';
    const { name } = session.info.peek();
    void asTask(
      `xl break ${off}${FLAGS[point.kind]}${name} 0x${addressText(point.linear)}${point.kind === 'execute' ? '' : ` ${point.bytes}`}`,
      async () => {
        try {
          await host.break(session.id, next);
        } catch (error) {
          problem.value = sentence(error);
          throw error;
        }
        await look();
      },
    );
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
    <section class="brk">
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
                title={`xl break -d ${session.info.value.name}`}
                onClick={() =>
                  change(
                    all.filter(each => each !== point),
                    point,
                    '-d ',
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
        add={point => change([...all.filter(each => JSON.stringify(each) !== JSON.stringify(point)), point], point, '')}
        refuse={() => {
          problem.value = words.notAddress;
        }}
      />
      {problem.value && <Problem>{problem.value}</Problem>}
      {all.length > 0 && <p class="cap-t">{words.hint}</p>}
    </section>
  );
}

const spelled = ({ kind, linear, bytes }: BreakPoint): string =>
  `${words.kinds[kind]} ${kind === 'execute' ? '' : `${words.count(bytes)} `}${addressText(linear)}`;

/** Asks where to stop, and for what. `eip` is suggested. */
function Adding({ eip, add, refuse }: { eip: number; add: (point: BreakPoint) => void; refuse: () => void }) {
  const kind = useSignal<BreakPoint['kind']>('execute'),
    address = useSignal(''),
    bytes = useSignal(4);
  const submit = (): void => {
    const linear = address.value.trim() ? readAddress(address.value) : eip;
    if (linear === undefined) return refuse();
    add({
      kind: kind.value,
      linear,
      bytes: kind.value === 'execute' ? 1 : bytes.value,
    });
  };
  return (
    <form
      class="row wrap"
      onSubmit={event => {
        event.preventDefault();
        submit();
      }}
    >
      <select
        class="in"
        aria-label={words.kind}
        value={kind.value}
        onChange={event => {
          kind.value = event.currentTarget.value as BreakPoint['kind'];
        }}
      >
        {(['execute', 'write', 'access'] as const).map(each => (
          <option key={each} value={each}>
            {words.kinds[each]}
          </option>
        ))}
      </select>
      {kind.value !== 'execute' && (
        <select
          class="in"
          aria-label={words.bytes}
          value={bytes.value}
          onChange={event => {
            bytes.value = Number(event.currentTarget.value);
          }}
        >
          {SIZES.map(size => (
            <option key={size} value={size}>
              {words.count(size)}
            </option>
          ))}
        </select>
      )}
      <input
        class="in m"
        aria-label={words.address}
        placeholder={addressText(eip)}
        value={address.value}
        spellcheck={false}
        autocomplete="off"
        onInput={event => {
          address.value = event.currentTarget.value;
        }}
      />
      <button class="btn sm" type="submit">
        {words.add}
      </button>
    </form>
  );
}
