/** What a guest left behind when it crashed: how it came to that, its registers, stack and last exits. Nothing moves any more. */

import './inspect.css';
import './post-mortem.css';
import { useMemo } from 'preact/hooks';
import { ExitReason, registers as R } from '../../cpu/architecture/index.ts';
import {
  exitTitle,
  HYPERCALL_VECTOR,
  type LastExit,
  type VcpuState,
  vectorOf as vectorOfExit,
} from '../../hypervisor/view/index.ts';
import { hypercallName, SCHEDOP } from '../../hypervisor/interfaces/xen/index.ts';
import type { DomainSession } from '../sessions.ts';
import { go } from '../navigation.ts';
import { strings } from '../strings.ts';
import { clock, hex8, whole } from '../units.ts';
import { TOOLS_OF_TAB } from '../parts/guest.tsx';
import { ownerClass } from '../parts/marks.tsx';
import { Code } from './code.tsx';
import { instructionAt, shortly } from './disassembly.ts';
import { ExitCard, HandledBy } from './exits/exit-card.tsx';
import { aboutOf } from './exits/words.ts';
import { type Deed, wayOf } from './explain.ts';
import { followed } from './followed.ts';
import { inspector, WhyBox } from './frame.tsx';
import type { Shown, Target, Why } from './inspector.ts';
import { type CodeRow, codeRows, codeTable, LastCode } from './last-code.tsx';
import { eventName, gateFields, gateOf, type Moment, momentsOf, tableOf } from './last-moments.ts';
import { useMachine } from './machine.ts';
import { namer } from './symbols.ts';
import { CONTROL, frameNotes, GENERAL, kindOf, SEGMENTS, segmentAt, stackOf } from './vcpu-facts.ts';

const words = {
  nothing: 'Its memory and registers are gone: it was destroyed.',
  fell: (name: string, at: string, gate: string, why: string) =>
    `${name} stopped: triple fault at ${at}. ${gate[0]!.toUpperCase()}${gate.slice(1)}: ${why}.`,
  at: (time: string) => `That was at ${time}.`,
  written: (n: number) => `Bar: written by the last ${n} instructions.`,
  codeNone: 'What ran before is not kept.',
  codeNone2: 'in its definition keeps the last 50 instructions.',
  codeReality: 'A processor keeps branches (Intel PT); what each instruction did, only a simulator.',
  lastExit: 'Last exit',
  itsLast: 'its last exit',
  exitFacts: ['exit reason', 'qualification', 'guest EIP', 'instruction', 'exits before'],
  notUsed: ', not used',
  bytes: (n: number, all: string) => `${n} bytes, ${all}`,
  before: (all: number, io: number) => `${whole(all)}, ${whole(io)} of them port I/O`,
  stays: 'Its memory and registers stay.',
  how: 'How it came to that',
  last: 'last instruction',
  code: 'Code',
  codeHint: 'as memory is now',
  exits: 'Last exits',
  newest: (n: number, all: number) => `the last ${n} of ${whole(all)}, by place`,
  columns: ['No.', 'Guest EIP', 'Exit', 'About'],
  times: 'Times',
  ports: (all: readonly string[]) => `${all.length > 1 ? 'ports' : 'port'} ${all.join(', ')}`,
  span: (does: string, first: string, last: string) =>
    first === last ? `${does} ${first}` : `${does} ${first} to ${last}`,
  notes: { return: 'return', frame: 'saved EBP' },
  handler: 'Handler',
  handled: [
    ['Processor', 'leaves the guest'],
    ['Xen', 'takes SCHEDOP_shutdown', 'do_sched_op'],
    ['Xen', 'stops the domain’s vCPUs', 'domain_shutdown'],
    ['Xen', 'sends Domain-0', 'VIRQ_DOM_EXC'],
    ['Domain-0', 'does what on_crash says'],
  ] as const,
  registers: 'Registers',
  facts: (vcpu: number, cpl: number, interrupts: number, isPaging: boolean) =>
    `vCPU ${vcpu}, CPL ${cpl}, IF ${interrupts}, paging ${isPaging ? 'on' : 'off'}`,
  segments: 'Segments',
  segmentColumns: ['Register', 'Selector', 'Base', 'What it is'],
  stack: 'Stack top',
  stackHint: '4 bytes a row',
  noStack: 'No memory is mapped there.',
  gate: (isReal: boolean, vector: number) => `${isReal ? 'Vector' : 'IDT entry'} ${vector}`,
  noGate: 'No memory is mapped there.',
  toMemory: 'Follow it in Memory',
  report: 'Save report',
  kept: 'Kept',
  memory: 'Memory',
  frames: (mib: number) => `${whole(mib * 256)} frames`,
  console: 'Screen and console',
  asLast: 'as they were',
  log: 'Exits',
  counted: (n: number) => `${whole(n)} counted`,
  processor: 'Instructions',
  retired: (n: number) => `${whole(n)} retired`,
  open: 'open',
  reality: 'In reality',
  tripleReality: 'A PC resets here and keeps nothing. Xen takes a triple fault as a reboot unless',
  tripleReality2: 'asks for a crash.',
  crashReality:
    'Xen keeps a crashed domain only where on_crash says preserve, and xl dump-core writes its memory into a file for a debugger.',
  left: 'exit',
  toXen: 'the guest calls Xen',
  called: 'hypercall',
  shutDown: (reason: string) => `SCHEDOP_shutdown, reason ${reason}`,
  reasons: ['0 poweroff', '1 reboot', '2 suspend', '3 crash', '4 watchdog', '5 soft reset'],
  keeps: 'Domain-0',
  preserve: 'keeps it',
  preserveText: 'its definition says preserve',
  seen: 'seen last at',
  foundEnded: 'found it ended',
};
const EVERY_MS = 1000,
  PLACES = 6,
  STACK_WORDS = 8,
  /** Of a gate: present, DPL and type, where all that is told as bad lies. */
  RIGHTS_BYTE = 5,
  /** Instructions whose registers stand out. */
  WRITERS = 5;
const hex = (value: number, digits = 8): string => (value >>> 0).toString(16).padStart(digits, '0');

interface Data {
  vcpu: number;
  /** Newest first; undefined: its definition does not ask for them. */
  code: readonly CodeRow[] | undefined;
  /** General registers that the last instructions wrote. */
  written: ReadonlySet<number>;
  /** Of its exits those for ports. */
  io: number;
  state: VcpuState;
  moments: readonly Moment[];
  lasts: readonly LastExit[];
  exits: number;
}

function open({ session, machine }: Target) {
  return {
    look(): Data | undefined {
      const domain = session && machine?.domain(session.id),
        vcpus = domain?.vcpus() ?? [];
      // The one that had its turn.
      const vcpu = vcpus[domain?.currentVcpu ?? 0] ?? vcpus[0];
      if (!vcpu) return undefined;
      const state = vcpu.look(),
        { exits, total } = vcpu.lastExits(),
        lasts = [...exits].reverse();
      const kept = vcpu.lastCode(),
        fault = lasts[0]?.reason === ExitReason.TRIPLE_FAULT ? faultAt(state, lasts[0].eip) : undefined;
      const written = new Set(
        (kept?.code ?? []).slice(-WRITERS).flatMap(({ registers }) => registers.map(({ number }) => R.EAX + number)),
      );
      return {
        vcpu: vcpu.id,
        state,
        lasts,
        exits: total,
        code: kept && codeRows(state, kept.code, fault),
        written,
        io: vcpu.exits()[ExitReason.IO] ?? 0,
        moments: momentsAt(state, lasts[0], vcpu.id, session?.info.value.ended ?? ''),
      };
    },
  };
}

/** The instruction that came to no end, with the first event that it raised. */
function faultAt(state: VcpuState, eip: number) {
  const [first] = state.undelivered;
  return {
    linear: state.linear(R.CS, eip),
    eip,
    is32: (state.regs[segmentAt(R.CS) + R.SEG_RIGHTS]! & R.RIGHTS_DB) !== 0,
    why: first ? eventName(first) : '',
  };
}

/** The hypercall of a paravirtual guest: its number stands in the entry of the hypercall page, MOV EAX before INT 82h (xen/include/public/arch-x86/xen.h). */
function calledAt(state: VcpuState, { reason, eip }: LastExit): number | undefined {
  const code =
    vectorOfExit(reason) === HYPERCALL_VECTOR
      ? state.bytesAt(state.linear(R.CS, eip - MOV_EAX_BYTES), MOV_EAX_BYTES)
      : undefined;
  return code?.[0] === MOV_EAX ? code[1] : undefined;
}
const MOV_EAX = 0xb8,
  MOV_EAX_BYTES = 5;

/** What an exit was about, in a few words. */
function about(state: VcpuState, exit: LastExit, vcpu: number): string {
  const number = calledAt(state, exit);
  return number === undefined ? aboutOf({ ...exit, key: '', domain: 0, vcpu }) : hypercallName(number);
}

/** Exits of one place together, the newest first. */
function placesOf(exits: readonly LastExit[]): LastExit[][] {
  const places = new Map<string, LastExit[]>();
  for (const exit of exits) {
    const key = `${exit.reason} ${exit.eip}`,
      place = places.get(key);
    if (place) place.push(exit);
    else places.set(key, [exit]);
  }
  return [...places.values()];
}

/** What they were about together: the ports, or from which address to which. */
function aboutPlace(state: VcpuState, exits: readonly LastExit[], vcpu: number): string {
  const [newest] = exits as [LastExit];
  if (newest.reason === ExitReason.IO)
    return words.ports(
      [...new Set(exits.map(({ qualification }) => `0x${(qualification >>> 16).toString(16)}`))].sort(),
    );
  if (newest.reason !== ExitReason.EPT_VIOLATION) return about(state, newest, vcpu);
  const at = exits.map(({ detail = 0 }) => detail >>> 0);
  return words.span(about(state, newest, vcpu).split(' ')[0]!, hex8(Math.min(...at)), hex8(Math.max(...at)));
}

/** What a guest gave as the reason when it shut itself down; its registers are those of the call. */
function givenReason(state: VcpuState): string | undefined {
  const { regs } = state,
    bytes = regs[R.EBX] === SCHEDOP.SHUTDOWN ? state.bytesAt(regs[R.ECX]! >>> 0, 4) : undefined;
  return bytes?.length === 4 ? words.reasons[bytes[0]!] : undefined;
}

/** From its last instruction to its end; `ended`: what its host said of that. */
function momentsAt(state: VcpuState, last: LastExit | undefined, vcpu: number, ended: string): Moment[] {
  const eip = last?.eip ?? state.regs[R.EIP]! >>> 0,
    text = instructionAt(state, eip)?.text ?? words.noStack;
  const first: Moment = {
    kind: 'instruction',
    head: words.last,
    name: text.replace(/\s+/g, ' '),
    text: `at ${hex8(eip)}`,
  };
  if (last?.reason === ExitReason.TRIPLE_FAULT) return [first, ...momentsOf(state)];
  const call = last && about(state, last, vcpu),
    reason = call === 'sched_op' ? givenReason(state) : undefined;
  const exit: Moment[] = last
    ? [
        {
          kind: 'event',
          head: words.left,
          name: exitTitle(last.reason),
          text: call === 'sched_op' || !call ? words.toXen : call,
        },
      ]
    : [];
  // It did not end itself: its last exit is only where it was seen last.
  if (!reason)
    return [
      { ...first, head: words.seen },
      ...exit,
      { kind: 'end', head: words.keeps, name: words.foundEnded, text: ended },
    ];
  return [
    first,
    ...exit,
    { kind: 'event', head: words.called, name: 'sched_op', text: words.shutDown(reason) },
    { kind: 'end', head: words.keeps, name: words.preserve, text: words.preserveText },
  ];
}

/** The gate that is looked at: that of the chosen event, else the first that stood in the way. */
const vectorOf = ({ data: { moments }, chosen }: Shown<Data>): number | undefined =>
  (
    moments.find(({ vector }) => vector !== undefined && chosen === `g${vector}`) ??
    moments.find(({ kind }) => kind === 'gate')
  )?.vector;

/** Of a triple fault: where it was, and the gate that stood in the way first. */
function headline({ data: { moments, lasts }, target }: Shown<Data>): string | undefined {
  const gate = moments.find(({ kind }) => kind === 'gate'),
    [last] = lasts;
  return (
    gate &&
    last &&
    words.fell(
      target.session?.info.value.name ?? '',
      hex8(last.eip),
      gate.head,
      /^(.*): /.exec(gate.text)?.[1] ?? gate.name,
    )
  );
}

function Figure(shown: Shown<Data>) {
  const {
      data: { state, moments, lasts, exits, vcpu, code, written },
      target,
      choose,
    } = shown,
    { regs } = state,
    info = target.session?.info.value,
    vector = vectorOf(shown),
    because = reasonOf(shown),
    endNs = target.session?.sample.value?.nowNs;
  return (
    <div class="pm">
      <p class="pm-lead">
        <b title={info?.ended}>{headline(shown) ?? strings.guest.ended(info?.name ?? '', info?.ended ?? '')}</b>{' '}
        {endNs !== undefined && words.at(clock(endNs))} {words.stays}
      </p>
      <ol class="pm-way" aria-label={words.how}>
        {moments.map(({ kind, head, name, text, vector: of }, i) => (
          <li
            key={`${i} ${head}`}
            class={`pm-${kind}${of !== undefined && of === vector && kind === 'gate' ? ' on' : ''}`}
          >
            {of !== undefined ? (
              <button onClick={() => choose(`g${of}`)}>
                <Step head={head} name={name} text={text} />
              </button>
            ) : (
              <div>
                <Step head={head} name={name} text={text} />
              </div>
            )}
          </li>
        ))}
      </ol>
      <div class={`pm-cols${code ? ' kept' : ''}`}>
        <div class="col">
          {code ? (
            <LastCode rows={code} />
          ) : (
            <section>
              <div class="ph">
                <h3>{words.code}</h3>
                <span class="sec">{words.codeHint}</span>
              </div>
              <Code
                state={state}
                eip={lasts[0]?.eip ?? regs[R.EIP]! >>> 0}
                name={namer(target, state)}
                before={8}
                after={1}
              />
              <p class="cap-t">
                {words.codeNone} <code>vmtrace_buf_kb = 4</code> {words.codeNone2}
              </p>
            </section>
          )}
          {!code && (
            <section>
              <div class="ph">
                <h3>{words.exits}</h3>
                <span class="sec">{words.newest(lasts.length, exits)}</span>
              </div>
              <table class="pad pm-exits">
                <thead>
                  <tr>
                    <th>{words.columns[1]}</th>
                    <th>{words.columns[2]}</th>
                    <th class="num">{words.times}</th>
                  </tr>
                </thead>
                <tbody>
                  {placesOf(lasts)
                    .slice(0, PLACES)
                    .map((exits, i) => (
                      <tr key={exits[0]!.number} class={i === 0 ? 'sel' : ''}>
                        <td class="m">{hex8(exits[0]!.eip)}</td>
                        <td>
                          {exitTitle(exits[0]!.reason)} <span class="sec">{aboutPlace(state, exits, vcpu)}</span>
                          {i === 0 && (
                            <code class="sec"> {shortly(instructionAt(state, exits[0]!.eip)?.text ?? '')}</code>
                          )}
                        </td>
                        <td class="m num">{exits.length}</td>
                      </tr>
                    ))}
                </tbody>
              </table>
            </section>
          )}
        </div>
        <div class="col">
          <section>
            <div class="ph">
              <h3>{words.registers}</h3>
              <span class="sec">{words.facts(vcpu, regs[R.CPL]!, (state.eflags >>> 9) & 1, regs[R.CR0]! < 0)}</span>
            </div>
            <dl class="regs">
              {registersOf(state).map(([name, value, at]) => (
                <div key={`${name} ${value}`} class={at !== undefined && written.has(at) ? 'chg' : ''}>
                  <dt>{name}</dt>
                  <dd>{value}</dd>
                </div>
              ))}
            </dl>
            {written.size > 0 && <p class="cap-t">{words.written(WRITERS)}</p>}
          </section>
          <div class="pm-two">
            {vector === undefined ? (
              <Segments state={state} />
            ) : (
              <Entry state={state} vector={vector} id={target.session!.id} />
            )}
            <section>
              <div class="ph">
                <h3>{words.stack}</h3>
                <span class="sec">{words.stackHint}</span>
              </div>
              <Stack state={state} code={code} />
            </section>
          </div>
          <WhyBox why={because} />
        </div>
      </div>
    </div>
  );
}

const Step = ({ head, name, text }: { head: string; name: string; text: string }) => (
  <>
    <span class="sec">{head}</span>
    <b class="m">{name}</b>
    <span class="sec">{text}</span>
  </>
);

/** Four in a row, with their places among the state words where instructions write them by number. */
function registersOf({ regs, eflags }: VcpuState): [name: string, value: string, at?: number][] {
  const selector = ([name, segment]: readonly [string, number]): [string, string] => [
    name,
    hex(regs[segmentAt(segment) + R.SEG_SELECTOR]!, 4),
  ];
  const inOrder = ['EAX', 'EBX', 'ECX', 'EDX', 'ESI', 'EDI', 'EBP', 'ESP'].flatMap(wanted =>
    GENERAL.filter(([name]) => name === wanted),
  );
  return [
    ...inOrder.map(([name, at]): [string, string, number] => [name, hex(regs[at]!), at]),
    ['EIP', hex(regs[R.EIP]!)],
    ['EFL', hex(eflags)],
    ...CONTROL.slice(0, 4).map(([name, at]): [string, string] => [name, hex(regs[at]!)]),
    ['GDTR', hex(regs[R.GDTR_BASE]!)],
    ['limit', hex(regs[R.GDTR_LIMIT]!, 4)],
    ['IDTR', hex(regs[R.IDTR_BASE]!)],
    ['limit', hex(regs[R.IDTR_LIMIT]!, 4)],
    ...SEGMENTS.slice(0, 6).map(selector),
  ];
}
const segmentRows = ({ regs }: VcpuState): string[][] =>
  SEGMENTS.map(([name, segment]) => {
    const at = segmentAt(segment);
    return [name, hex(regs[at + R.SEG_SELECTOR]!, 4), hex(regs[at + R.SEG_BASE]!), kindOf(regs[at + R.SEG_RIGHTS]!)];
  });

/** A gate, bit by bit; what keeps events from it stands out. */
function Entry({ state, vector, id }: { state: VcpuState; vector: number; id: number }) {
  const gate = gateOf(state, vector),
    fields = gateFields(gate);
  return (
    <section>
      <div class="ph">
        <h3>{words.gate(gate.isReal, vector)}</h3>
        <button
          class="link m"
          title={words.toMemory}
          onClick={() => {
            followed.value = hex8(gate.linear);
            go({ kind: 'domain', id, tab: 'inspect', name: 'memory' });
          }}
        >
          {hex8(gate.linear)}
        </button>
      </div>
      <p class="m hexline">
        {[...gate.bytes].map((byte, i) => (
          <span key={i} class={i === RIGHTS_BYTE && fields.some(({ isBad }) => isBad) ? 'bad' : ''}>
            {hex(byte, 2)}{' '}
          </span>
        ))}
      </p>
      {fields.length === 0 ? (
        <p class="hint">{words.noGate}</p>
      ) : (
        <table class="bitst">
          <tbody>
            {fields.map(({ bits, value, says, isBad }) => (
              <tr key={bits} class={isBad ? 'badr' : ''}>
                <td class="m">{bits}</td>
                <td class="m b">{value}</td>
                <td class={isBad ? 'b' : 'sec'}>{says}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </section>
  );
}

const Segments = ({ state }: { state: VcpuState }) => (
  <section>
    <div class="ph">
      <h3>{words.segments}</h3>
    </div>
    <table class="bitst">
      <tbody>
        {segmentRows(state)
          .slice(0, 6)
          .map(([name, selector, , what]) => (
            <tr key={name}>
              <td class="m">{name}</td>
              <td class="m b">{selector}</td>
              <td class="sec">{what}</td>
            </tr>
          ))}
      </tbody>
    </table>
  </section>
);

/** What a word is, from memory; else which of the last instructions wrote it. */
function Stack({ state, code }: { state: VcpuState; code: readonly CodeRow[] | undefined }) {
  const stack = stackOf(state, code ? STACK_WORDS - 1 : STACK_WORDS),
    notes = frameNotes(state, stack);
  const noteOf = (at: number): string | undefined =>
    notes.has(at) ? words.notes[notes.get(at)!] : code?.find(({ wrote }) => wrote === state.linear(R.SS, at))?.text;
  return stack.length === 0 ? (
    <p class="hint">{words.noStack}</p>
  ) : (
    <table class="bitst pm-stack">
      <tbody>
        {stack.map(({ at, word }, i) => (
          <tr key={at} class={i === 0 ? 'sel' : ''}>
            <td class="m">{hex(at)}</td>
            <td class="m b">{hex(word)}</td>
            <td class="sec">{noteOf(at)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Detail({
  data: {
    lasts: [last],
    exits,
    vcpu,
    state,
    moments,
    code,
    io,
  },
  target,
}: Shown<Data>) {
  const session = target.session!,
    { name, memoryMiB } = session.info.value,
    isTriple = last?.reason === ExitReason.TRIPLE_FAULT;
  const kept = [
    [words.memory, words.frames(memoryMiB), 'memory'],
    [words.processor, words.retired(state.retired), 'processor'],
    [words.log, words.counted(exits), 'exits'],
  ] as const;
  return (
    <>
      {isTriple ? (
        <TripleFault last={last} exits={exits} io={io} state={state} id={session.id} name={`${name} v${vcpu}`} />
      ) : (
        last && (
          <ExitCard
            reason={last.reason}
            exit={{ key: '', domain: session.id, vcpu, ...last }}
            target={target}
            name={name}
            withCode={false}
          />
        )
      )}
      {last && !isTriple && moments.some(({ head }) => head === words.called) && <Handler steps={words.handled} />}
      <section>
        <h4>{words.kept}</h4>
        <table class="bitst pm-kept">
          <tbody>
            {kept.map(([what, how, inspect]) => (
              <tr key={what}>
                <td>{what}</td>
                <td class="m num">{how}</td>
                <td>
                  <button
                    class="link"
                    aria-label={`${words.open} ${what}`}
                    onClick={() => go({ kind: 'domain', id: session.id, tab: 'inspect', name: inspect })}
                  >
                    {words.open}
                  </button>
                </td>
              </tr>
            ))}
            <tr>
              <td>{words.console}</td>
              <td class="num">{words.asLast}</td>
              <td>
                <button
                  class="link"
                  aria-label={`${words.open} ${words.console}`}
                  onClick={() => go({ kind: 'domain', id: session.id, tab: 'console' })}
                >
                  {words.open}
                </button>
              </td>
            </tr>
          </tbody>
        </table>
      </section>
      <p class="pm-real">
        <b>{words.reality}</b>{' '}
        {isTriple ? (
          <>
            {words.tripleReality} <code>HVM_PARAM_TRIPLE_FAULT_REASON</code> {words.tripleReality2}
          </>
        ) : (
          words.crashReality
        )}
        {code && ` ${words.codeReality}`}
      </p>
    </>
  );
}

/** What the last exit was about, and who did what about it. */
function TripleFault({
  last,
  exits,
  io,
  state,
  id,
  name,
}: {
  last: LastExit;
  exits: number;
  io: number;
  state: VcpuState;
  id: number;
  name: string;
}) {
  const length = instructionAt(state, last.eip)?.length ?? 0,
    bytes = [...state.bytesAt(state.linear(R.CS, last.eip), length)].map(byte => hex(byte, 2)).join(' ');
  const facts = [
    [words.exitFacts[0], `${last.reason} ${exitTitle(last.reason)}`],
    [words.exitFacts[1], `${last.qualification}${last.qualification === 0 ? words.notUsed : ''}`],
    [words.exitFacts[2], hex8(last.eip)],
    [words.exitFacts[3], words.bytes(length, bytes)],
    [words.exitFacts[4], words.before(exits - 1, io)],
  ] as const;
  return (
    <>
      <div>
        <h3>
          {last.reason} {exitTitle(last.reason)}
        </h3>
        <p class={`sec ${ownerClass(id)}`}>
          <b class="dom">{name}</b> {words.itsLast}
        </p>
      </div>
      <section>
        <h4>{words.lastExit}</h4>
        <dl class="kv">
          {facts.map(([what, how]) => (
            <>
              <dt>{what}</dt>
              <dd>{how}</dd>
            </>
          ))}
        </dl>
      </section>
      <Handler steps={wayOf(last)} />
    </>
  );
}

const Handler = ({ steps }: { steps: readonly Deed[] }) => (
  <section>
    <h4>{words.handler}</h4>
    <HandledBy deeds={steps} />
  </section>
);

/** What the rest of the table says of one that is not present. */
const alike = ({ gates, present, isAlike }: ReturnType<typeof tableOf>): string =>
  isAlike
    ? `The guest built all ${gates} entries so, without bit 47.`
    : `${present} of the table’s ${gates} entries have bit 47 set.`;

function reasonOf(shown: Shown<Data>): Why {
  const {
      data: {
        state,
        lasts: [last],
      },
    } = shown,
    vector = vectorOf(shown);
  if (last?.reason !== ExitReason.TRIPLE_FAULT)
    return {
      question: 'Why is it still here?',
      answer:
        'A crashed guest has no turn any more, and its memory goes back only when it is destroyed. Until then every inspector reads it.',
      source: 'xl.cfg, on_crash',
    };
  const gate = vector === undefined ? undefined : gateOf(state, vector);
  if (gate?.isBeyond)
    return {
      question: 'Why no handler?',
      answer: `The table ends at byte 0x${hex(state.regs[R.IDTR_LIMIT]!, 4)}, and entry ${gate.vector} begins at 0x${hex(gate.linear - state.regs[R.IDTR_BASE]!, 4)}: LIDT loaded a smaller one, or none was loaded.`,
      source: 'Intel SDM vol. 3, 6.10',
    };
  const bad = gate && gateFields(gate).find(({ isBad }) => isBad),
    table = bad && tableOf(state, gate);
  if (gate && table && bad.bits === '47')
    return {
      question: 'Why not present?',
      answer: `Byte 5 is ${hex(gate.bytes[5]!, 2)}. A present gate of this type has ${hex(gate.bytes[5]! | 0x80, 2)} there. ${alike(table)}`,
      source: 'Intel SDM vol. 3, 6.11',
    };
  if (gate && bad)
    return {
      question: 'Why no gate?',
      answer: `Byte 5 is ${hex(gate.bytes[5]!, 2)}: no type of gate. ${table?.isAlike && gate.bytes[5] === 0 ? `So is that of all ${table.gates} entries: the guest built no table there.` : 'The guest put nothing there, or something else over it.'}`,
      source: 'Intel SDM vol. 3, 6.11',
    };
  return {
    question: 'Why three faults?',
    answer:
      'A fault while another is delivered is a double fault. One while that is delivered has no handler left, and the processor shuts down.',
    source: 'Intel SDM vol. 3, 6.15, interrupt 8',
  };
}

export const PostMortem = inspector<Data>({
  everyMs: EVERY_MS,
  needsMemory: true,
  nothing: words.nothing,
  report: words.report,
  open,
  Figure,
  Detail,
  // Beside the gate, where it is read.
  why: () => undefined,
  tables: ({ state, moments, lasts, vcpu, code }) => [
    ...(code ? [codeTable(code)] : []),
    {
      name: words.how,
      columns: ['Step', 'What', 'More'],
      rows: moments.map(({ head, name, text }) => [head, name, text]),
    },
    {
      name: words.exits,
      columns: words.columns,
      rows: lasts.map(exit => [exit.number + 1, hex8(exit.eip), exitTitle(exit.reason), about(state, exit, vcpu)]),
    },
    {
      name: words.registers,
      columns: ['Register', 'Value'],
      rows: registersOf(state).map(([name, value]) => [name, value]),
    },
    { name: words.segments, columns: words.segmentColumns, rows: segmentRows(state) },
    {
      name: words.stack,
      columns: ['Offset', 'Word'],
      rows: stackOf(state, STACK_WORDS).map(({ at, word }) => [hex(at), hex(word)]),
    },
  ],
});

/** The tab of a guest that has stopped. */
export function PostMortemPage({ session }: { session: DomainSession }) {
  const machine = useMachine();
  const target = useMemo(
    () => ({ session, ...(machine.value?.view ? { machine: machine.value.view } : {}) }),
    [session, machine.value],
  );
  return (
    <div class="inspect pmx">
      {machine.value && (
        <PostMortem
          key={session.id}
          target={target}
          name={`${session.info.value.name} post-mortem`}
          toolsIn={TOOLS_OF_TAB}
        />
      )}
    </div>
  );
}
