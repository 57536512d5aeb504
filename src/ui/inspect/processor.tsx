/** A vCPU: registers, segments with their descriptors, code and stack where it is; single steps while the domain is paused. */

import { signal } from '@preact/signals';
import { registers as R } from '../../cpu/architecture/index.ts';
import { exitTitle, type LastExit, type VcpuState } from '../../hypervisor/view/index.ts';
import { Code } from './code.tsx';
import { inspector } from './frame.tsx';
import { Breaks } from './breaks.tsx';
import { Steps } from './steps.tsx';
import type { Shown, Target, Why } from './inspector.ts';
import { namer } from './symbols.ts';
import { CONTROL, FLAGS, GENERAL, kindOf, segmentAt, SEGMENTS, stackOf } from './vcpu-facts.ts';

const words = {
  nothing: 'The domain has no processor any more.',
  vcpu: (n: number) => `vCPU ${n}`,
  vcpus: 'vCPUs',
  registers: 'Registers',
  segments: 'Segments',
  code: 'Code',
  stack: 'Stack',
  control: 'Control and tables',
  columns: ['Register', 'Selector', 'Base', 'Limit', 'DPL', 'What it is'],
  descriptor: (name: string, at: string) => `Descriptor of ${name}, at ${at}`,
  noDescriptor: 'No descriptor stands behind it: it was loaded in real mode, or it is null.',
  fromTable: 'What the table says now; the processor uses what it loaded, which stands in the table of segments.',
  torn: 'Its turn began or ended during this look.',
  running:
    'It runs: registers are those of some instruction within the last slice. Pause the domain for those of one moment.',
  standing: 'The domain stands still: these are the registers of one moment.',
  choose: 'Choose a register.',
  flags: 'Flags',
  last: 'Last exits',
  stackHint: '4 bytes a row',
  noMemory: 'No memory is mapped there.',
  retired: 'instructions retired',
};
const EVERY_MS = 250,
  STACK_WORDS = 10,
  LAST = 8;
const hex = (value: number, digits = 8): string => (value >>> 0).toString(16).padStart(digits, '0');

/** Which vCPU is looked at. */
const shownVcpu = signal(0);

const CR0_BITS: readonly (readonly [number, string, string])[] = [
  [0, 'PE', 'protected mode'],
  [1, 'MP', 'WAIT honours TS'],
  [2, 'EM', 'no x87'],
  [3, 'TS', 'a task was switched: the next x87 instruction faults'],
  [4, 'ET', '387'],
  [5, 'NE', 'x87 errors are exceptions'],
  [16, 'WP', 'the kernel honours read-only pages'],
  [18, 'AM', 'alignment checks'],
  [30, 'CD', 'caches off'],
  [31, 'PG', 'paging'],
];
const CR4_BITS: readonly (readonly [number, string, string])[] = [
  [0, 'VME', 'virtual-8086 extensions'],
  [2, 'TSD', 'RDTSC for the kernel alone'],
  [3, 'DE', 'I/O breakpoints'],
  [4, 'PSE', '4-MiB pages'],
  [5, 'PAE', '36-bit page tables'],
  [6, 'MCE', 'machine checks'],
  [7, 'PGE', 'global pages'],
  [9, 'OSFXSR', 'SSE'],
  [10, 'OSXMMEXCPT', 'SSE exceptions'],
  [20, 'SMEP', 'no kernel code in user pages'],
  [21, 'SMAP', 'no kernel data in user pages'],
];

interface Data {
  count: number;
  vcpu: number;
  state: VcpuState;
  /** Registers that have changed since the look before. */
  changed: ReadonlySet<string>;
  lasts: LastExit[];
  isStill: boolean;
}

function open({ session, machine }: Target) {
  let before: Map<string, number> | undefined;
  return {
    look(): Data | undefined {
      const domain = session && machine?.domain(session.id);
      const vcpus = domain?.vcpus() ?? [];
      const vcpu = vcpus[shownVcpu.value] ?? vcpus[0];
      if (!vcpu) return undefined;
      const state = vcpu.look();
      const now = new Map<string, number>(
        [...GENERAL, ...CONTROL, ['EIP', R.EIP] as const].map(([name, at]) => [name, state.regs[at]!]),
      );
      now.set('EFLAGS', state.eflags);
      const changed = new Set(
        [...now].filter(([name, value]) => before !== undefined && before.get(name) !== value).map(([name]) => name),
      );
      before = now;
      return {
        count: vcpus.length,
        vcpu: vcpu.id,
        state,
        changed,
        lasts: vcpu.lastExits().exits.slice(-LAST).reverse(),
        isStill: session!.info.peek().state === 'p',
      };
    },
  };
}

const isProtected = ({ regs, eflags }: VcpuState): boolean => (regs[R.CR0]! & 1) !== 0 && (eflags & (1 << 17)) === 0;

function segmentRow({ regs }: VcpuState, [name, segment]: readonly [string, number]): readonly string[] {
  const at = segmentAt(segment),
    rights = regs[at + R.SEG_RIGHTS]!;
  return [
    name,
    hex(regs[at + R.SEG_SELECTOR]!, 4),
    hex(regs[at + R.SEG_BASE]!),
    hex(regs[at + R.SEG_LIMIT]!),
    String((rights >>> 5) & 3),
    kindOf(rights),
  ];
}

/** The eight bytes behind a selector; undefined: there are none to be had. */
function descriptorOf(state: VcpuState, segment: number): { linear: number; low: number; high: number } | undefined {
  const { regs } = state,
    selector = regs[segmentAt(segment) + R.SEG_SELECTOR]! & 0xffff;
  if (!isProtected(state) || (selector & ~3) === 0) return undefined;
  const inLdt = (selector & 4) !== 0,
    ldt = segmentAt(R.LDTR);
  const linear = ((inLdt ? regs[ldt + R.SEG_BASE]! : regs[R.GDTR_BASE]!) + (selector & ~7)) >>> 0;
  const bytes = state.bytesAt(linear, 8);
  if (bytes.length < 8) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  return { linear, low: view.getUint32(0, true), high: view.getUint32(4, true) };
}

function Figure({ data, chosen, choose, target }: Shown<Data>) {
  const { state, changed, count, vcpu, isStill } = data,
    { regs, eflags } = state;
  const pick = (name: string, value: string) => (
    <div key={name} class={`${changed.has(name) ? 'chg' : ''}${chosen === name ? ' sel' : ''}`}>
      <dt>
        <button class="pickrow" aria-pressed={chosen === name} onClick={() => choose(name)}>
          {name}
        </button>
      </dt>
      <dd>{value}</dd>
    </div>
  );
  const stack = stackOf(state, STACK_WORDS),
    name = namer(target, state);
  return (
    <div class="col prc">
      <div class="row wrap">
        {count > 1 && (
          <div class="seg" role="group" aria-label={words.vcpus}>
            {Array.from({ length: count }, (_, i) => (
              <button
                key={i}
                aria-pressed={i === vcpu}
                onClick={() => {
                  shownVcpu.value = i;
                }}
              >
                {words.vcpu(i)}
              </button>
            ))}
          </div>
        )}
        <span class="sec say">
          {isStill ? words.standing : words.running}
          {state.torn && ` ${words.torn}`}
        </span>
        {target.session && <Steps key={target.session.id} session={target.session} isStill={isStill} />}
      </div>
      {target.session && (
        <Breaks
          key={`b${target.session.id}`}
          session={target.session}
          eip={state.linear(R.CS, regs[R.EIP]!)}
          retired={state.retired}
          isStill={isStill}
        />
      )}
      <section>
        <h3>{words.registers}</h3>
        <dl class="regs">
          {GENERAL.map(([name, at]) => pick(name, hex(regs[at]!)))}
          {pick('EIP', hex(regs[R.EIP]!))}
          {pick('EFLAGS', hex(eflags))}
          {pick('CPL', String(regs[R.CPL]!))}
        </dl>
        <p class="m sec flg">
          {FLAGS.filter(([bit]) => (eflags >>> bit) & 1)
            .map(([, name]) => name)
            .join(' ') || '–'}
        </p>
      </section>
      <div class="two-c">
        <section>
          <h3>{words.code}</h3>
          <Code state={state} eip={regs[R.EIP]! >>> 0} name={name} before={4} after={9} withBytes />
        </section>
        <section>
          <h3>
            {words.stack} <span class="sec">{words.stackHint}</span>
          </h3>
          {stack.length === 0 ? (
            <p class="hint">{words.noMemory}</p>
          ) : (
            <pre class="code dis" tabIndex={0}>
              {stack.map(({ at, word }, i) => (
                <span key={at} class={i === 0 ? 'now' : ''}>
                  {`${hex(at)}  ${hex(word)}`}
                  {name(word) && `  <${name(word)}>`}
                </span>
              ))}
            </pre>
          )}
        </section>
      </div>
      <section>
        <h3>{words.control}</h3>
        <dl class="regs">
          {CONTROL.map(([name, at]) => pick(name, hex(regs[at]!)))}
          {pick('GDTR', `${hex(regs[R.GDTR_BASE]!)} ${hex(regs[R.GDTR_LIMIT]!, 4)}`)}
          {pick('IDTR', `${hex(regs[R.IDTR_BASE]!)} ${hex(regs[R.IDTR_LIMIT]!, 4)}`)}
        </dl>
      </section>
      <section>
        <h3>{words.segments}</h3>
        <div class="wide">
          <table class="pad picks">
            <thead>
              <tr>
                {words.columns.map(each => (
                  <th key={each}>{each}</th>
                ))}
              </tr>
            </thead>
            <tbody>
              {SEGMENTS.map(each => {
                const [name, ...cells] = segmentRow(state, each);
                return (
                  <tr key={name} class={name === chosen ? 'sel' : ''} onClick={() => choose(name!)}>
                    <td>
                      <button class="pickrow b" aria-pressed={name === chosen} onClick={() => choose(name!)}>
                        {name}
                      </button>
                    </td>
                    {cells.map((cell, i) => (
                      <td key={i} class={i < 4 ? 'm' : 'nw'}>
                        {cell}
                      </td>
                    ))}
                  </tr>
                );
              })}
            </tbody>
          </table>
        </div>
      </section>
    </div>
  );
}

const bitRows = (value: number, bits: readonly (readonly [number, string, string])[]) =>
  bits.map(([bit, name, says]) => [String(bit), String((value >>> bit) & 1), `${name}: ${says}`] as const);

function Detail({ data, chosen, target }: Shown<Data>) {
  const { state, lasts } = data,
    { regs } = state,
    name = namer(target, state);
  const segment = SEGMENTS.find(([name]) => name === chosen);
  const rows =
    chosen === 'EFLAGS'
      ? bitRows(state.eflags, FLAGS)
      : chosen === 'CR0'
        ? bitRows(regs[R.CR0]!, CR0_BITS)
        : chosen === 'CR4'
          ? bitRows(regs[R.CR4]!, CR4_BITS)
          : undefined;
  const descriptor = segment && descriptorOf(state, segment[1]);
  return (
    <>
      <div>
        <h3>{chosen || `${target.session?.info.value.name ?? ''} v${data.vcpu}`}</h3>
        <p class="sec m">
          {String(state.retired)} <span class="plain">{words.retired}</span>
        </p>
      </div>
      {rows && (
        <table class="bitst">
          <tbody>
            {rows.map(([bit, value, says]) => (
              <tr key={bit} class={value === '0' ? 'out' : ''}>
                <td class="m">{bit}</td>
                <td class="m b">{value}</td>
                <td class="sec">{says}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {segment &&
        (descriptor ? (
          <section>
            <h4>{words.descriptor(segment[0], hex(descriptor.linear))}</h4>
            <Descriptor {...descriptor} />
            <p class="cap-t">{words.fromTable}</p>
          </section>
        ) : (
          <p class="sec">{words.noDescriptor}</p>
        ))}
      <section>
        <h4>{words.last}</h4>
        <ul class="plainlist">
          {lasts.map(({ number, reason, eip }) => (
            <li key={number}>
              <span class="m dim">{hex(eip)}</span> {exitTitle(reason)}
              {name(eip) && <code class="sec"> {name(eip)}</code>}
            </li>
          ))}
        </ul>
      </section>
    </>
  );
}

/** SDM vol. 3, figure 3-8. */
function Descriptor({ low, high }: { low: number; high: number }) {
  const rights = ((high >>> 8) & 0xff) | ((high >>> 8) & 0xf000),
    isSystem = !(rights & 16),
    g = (high >>> 23) & 1;
  const limit = ((high & 0xf0000) | (low & 0xffff)) >>> 0;
  const rows: [string, string, string][] = [
    ['base', hex(((high & 0xff000000) | ((high & 0xff) << 16) | (low >>> 16)) >>> 0), 'bits 63–56, 39–16'],
    ['limit', hex(limit, 5), g ? `in pages: ${hex((limit * 4096 + 4095) >>> 0)}` : 'in bytes'],
    ['47 P', String((high >>> 15) & 1), (high >>> 15) & 1 ? 'present' : 'not present'],
    ['46–45', String((high >>> 13) & 3), 'DPL'],
    ['44 S', String((high >>> 12) & 1), isSystem ? 'system segment' : 'code or data'],
    ['43–40', String((high >>> 8) & 15), kindOf((rights & ~R.RIGHTS_DB) | ((high >>> 22) & 1 ? R.RIGHTS_DB : 0))],
    ['54 D/B', String((high >>> 22) & 1), (high >>> 22) & 1 ? '32-bit' : '16-bit'],
    ['55 G', String(g), g ? 'limit counts pages' : 'limit counts bytes'],
  ];
  return (
    <>
      <p class="m hexline">
        {hex(high)} {hex(low)}
      </p>
      <table class="bitst">
        <tbody>
          {rows.map(([bits, value, says]) => (
            <tr key={bits} class={bits === '47 P' && value === '0' ? 'badr' : ''}>
              <td class="m nw">{bits}</td>
              <td class="m b">{value}</td>
              <td class="sec">{says}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </>
  );
}

const WHYS: Readonly<Record<string, Why>> = {
  EIP: {
    question: 'Why there?',
    answer:
      'The vCPU executes this instruction next, or waits in it for the hypervisor: an instruction that exits has not retired.',
    source: 'Intel SDM vol. 3, 28.2',
  },
  EFLAGS: {
    question: 'Why are some bits computed?',
    answer:
      'The arithmetic flags are worked out from the last operation and its result only when somebody asks, as this page does: most are overwritten unread.',
    source: 'Intel SDM vol. 1, 3.4.3',
  },
  CR3: {
    question: 'What is it for?',
    answer:
      'It holds the guest-physical address of the page directory: each process has its own. A paravirtual guest loads it by a hypercall, for Xen checks every table that is used.',
    source: 'Intel SDM vol. 3, 4.3',
  },
  CR2: {
    question: 'What is it for?',
    answer: 'The linear address of the last page fault, put there by the processor for the handler.',
    source: 'Intel SDM vol. 3, 4.7',
  },
  CR0: {
    question: 'Why does Xen care?',
    answer:
      'Under VT-x some bits are fixed, and some Xen keeps for itself: the guest reads what it wrote, and a write to those exits.',
    source: 'Intel SDM vol. 3, 25.6.6',
  },
  CPL: {
    question: 'Why this level?',
    answer:
      'The lowest two bits of CS as they were loaded. A kernel has 0; a 32-bit paravirtual kernel has 1, for ring 0 is Xen’s; programs have 3.',
    source: 'Intel SDM vol. 3, 5.5',
  },
  GDTR: {
    question: 'What is it for?',
    answer:
      'Linear address and limit of the table that every selector indexes. A paravirtual guest names its frames to Xen, which checks each descriptor.',
    source: 'Intel SDM vol. 3, 3.5.1',
  },
  IDTR: {
    question: 'What is it for?',
    answer:
      'Linear address and limit of the table of interrupt gates. A paravirtual guest has none: it tells Xen its handlers.',
    source: 'Intel SDM vol. 3, 6.10',
  },
};

function why({ data, chosen }: Shown<Data>): Why {
  const { state, isStill } = data;
  if (SEGMENTS.some(([name]) => name === chosen))
    return isProtected(state)
      ? {
          question: 'Why a base and a limit here?',
          answer:
            'Loading a selector copies its descriptor into the processor. It goes on with the copy until the register is loaded again, whatever becomes of the table.',
          source: 'Intel SDM vol. 3, 3.4.3',
        }
      : {
          question: 'Why no descriptor?',
          answer:
            'In real mode a selector times 16 is the base. A limit that was loaded in protected mode stays, which old programs use.',
          source: 'Intel SDM vol. 3, 21.1',
        };
  if (WHYS[chosen]) return WHYS[chosen]!;
  if (state.regs[R.ACTIVITY] === 1)
    return {
      question: 'Why does it stand there?',
      answer: 'It has executed HLT and waits for an interrupt. Xen has given its processor to somebody else.',
      source: 'Intel SDM vol. 3, 25.4.2',
    };
  return isStill
    ? {
        question: 'Why does nothing move?',
        answer:
          'The domain is paused: no instruction retires, and its time stands still. A step lets it run so far and stops it again.',
      }
    : {
        question: 'Why do the registers jump?',
        answer:
          'The engine works on these very words in shared memory; this page reads them a few times a second, between millions of instructions.',
      };
}

export const Processor = inspector<Data>({
  everyMs: EVERY_MS,
  needsMemory: true,
  nothing: words.nothing,
  open,
  Figure,
  Detail,
  why,
  tables: ({ state }) => [
    {
      name: words.registers,
      columns: ['Register', 'Value'],
      rows: [...GENERAL, ['EIP', R.EIP] as const, ...CONTROL]
        .map(([name, at]) => [name, hex(state.regs[at]!)])
        .concat([
          ['EFLAGS', hex(state.eflags)],
          ['CPL', String(state.regs[R.CPL]!)],
        ]),
    },
    { name: words.segments, columns: words.columns, rows: SEGMENTS.map(each => segmentRow(state, each)) },
    {
      name: words.stack,
      columns: ['Offset', 'Word'],
      rows: stackOf(state, STACK_WORDS).map(({ at, word }) => [hex(at), hex(word)]),
    },
  ],
});
