/** Several processors on one PC, as Intel's SDM vol. 3 promises it: 9.4 (start-up of application processors), 11.6 (interprocessor messages). */
import { describe, expect, it } from 'vitest';
import { asm, asm16, type Code } from '../../cpu/test-support/asm.ts';
import { CRYSTAL_HZ } from '../../cpu/architecture/index.ts';
import * as R from '../../cpu/architecture/registers.ts';
import { APIC_TIMER_HZ } from '../../devices/index.ts';
import type { Domain } from './domain.ts';
import { DOMAIN } from '../layout/layout.ts';
import { createDomain } from '../memory/domain-table.ts';
import { Machine } from '../memory/machine.ts';
import { LOAD, program, programDomain, runToEnd } from './program.test-support.ts';
import { end } from './real-mode.test-support.ts';
import { Scheduler, Slot } from '../scheduler/index.ts';
import { MachineView } from '../view/machine-view.ts';
import { SchedulerView } from '../view/scheduler.ts';
import { readState, saveDomain, type SavedState } from '../interfaces/xen/stream/state.ts';

/** Where an application processor starts, in real mode; words that it shares with the first. */
const START = 0x8000,
  WORDS = 0x9000;
const ICR_LOW = 0xfee00300,
  ICR_HIGH = 0xfee00310;
const INIT = 0x4500,
  STARTUP = 0x4600 | (START >> 12),
  NMI = 0x4400;

const store = (address: number, value: number): Code => [`mov dword [${address}], ${value}`];
const message = (to: number, what: number): Code => [...store(ICR_HIGH, to << 24), ...store(ICR_LOW, what)];
const waitFor = (address: number, value: number): number[] =>
  asm(`again: pause; cmp dword [${address}], ${value}; jne again`);
const AP = 0x1000;
const copyStart: Code = [`mov esi, ${LOAD + AP}; mov edi, ${START}; mov ecx, 512; rep movsb`];

function boot(first: Code, others: Code, options: { vcpus?: number; saved?: SavedState } = {}): Domain {
  const machine = Machine.create(new SharedArrayBuffer(16 * 2 ** 20));
  const record = createDomain(machine, 4, 1024, { vcpus: options.vcpus ?? 2 });
  return programDomain(program([...copyStart, ...first], { [AP]: others }), { machine, record }, options.saved);
}

function word(domain: Domain, index: number): number {
  const into = new Uint8Array(4);
  domain.memory.read(WORDS + 4 * index, into);
  return new DataView(into.buffer).getUint32(0, true);
}

/** In real mode, with DS 0. */
const keepEax = (index: number): number[] => asm16(`mov [${WORDS + 4 * index}], eax`);
const inc = (index: number): number[] => asm16(`inc dword [${WORDS + 4 * index}]`);
const halt = asm16('cli; again: hlt; jmp again');
const wait = asm('mov ecx, 100; again: pause; loop again');

describe('processors that are pinned apart', () => {
  it('run each on the slots of its own hard affinity, and nowhere else; the domain goes to and fro', () => {
    const domain = boot(
      [...message(1, INIT), ...message(1, STARTUP), `again: inc dword [${WORDS + 16}]; jmp again`],
      asm16('again:', inc(3), 'jmp again'),
    );
    const { machine, record } = domain.options;
    let nowNs = 0;
    const scheduler = new Scheduler(machine, () => nowNs, record.index);
    scheduler.configure({ pcpus: 2 });
    scheduler.add(record, { doorbell: record.mailboxOffset >>> 2, hardAffinity: [1, 2] });
    const slot = new Slot(scheduler, record.index);
    slot.carry(domain);
    const unit = () => new SchedulerView(machine.memory).units().find(each => each.unit === record.index)!;
    const ran: [number, number, number][] = [];
    for (let round = 0; round < 200; round++, nowNs += 1e6) {
      if (!slot.enter()) continue;
      const { pcpu } = unit(),
        [other, first] = [word(domain, 3), word(domain, 4)];
      slot.leave(domain.runSlice());
      ran.push([pcpu, word(domain, 4) - first, word(domain, 3) - other]);
    }
    expect([unit().lastPcpus, unit().hardAffinity]).toEqual([
      [0, 1],
      [1, 2],
    ]);
    const [onZero, onOne] = [0, 1].map(at => ran.filter(([pcpu]) => pcpu === at));
    expect([onZero.some(([, first]) => first > 1000), onZero.every(([, , other]) => other === 0)]).toEqual([
      true,
      true,
    ]);
    expect([onOne.some(([, , other]) => other > 1000), onOne.every(([, first]) => first === 0)]).toEqual([true, true]);
    // The pin of one is lifted: both are where they may be.
    scheduler.adjust(record.index, { hardAffinity: -1 }, 1);
    expect(unit().hardAffinity).toEqual([1, -1]);
  });
});

it('the crystal clock that CPUID tells of is the one that local APICs count', () => {
  expect(CRYSTAL_HZ).toBe(APIC_TIMER_HZ);
});

describe('start-up of another processor', () => {
  const others = asm16(
    ...['mov eax, cs', keepEax(0)],
    ...['mov eax, 1; cpuid; mov eax, ebx', keepEax(1)],
    ...['mov ecx, 0x1b; rdmsr', keepEax(2)],
    ...[inc(3), halt],
  );

  it('begins in real mode where the message says, with an identifier of its own and no bootstrap flag', () => {
    const domain = boot([...message(1, INIT), ...message(1, STARTUP), ...waitFor(WORDS + 12, 1), ...end(7)], others);
    expect(runToEnd(domain)).toMatchObject({ state: 'ended', ending: { kind: 'debug-exit', value: 7 } });
    expect(word(domain, 0)).toBe(START >> 4);
    expect(word(domain, 1) >>> 24).toBe(1);
    expect(word(domain, 2)).toBe(0xfee00800);
  });

  it('takes no second start-up message, and no message at all before INIT has been seen by a processor that runs', () => {
    const twice = [...message(1, INIT), ...message(1, STARTUP), ...waitFor(WORDS + 12, 1), ...message(1, STARTUP)];
    // A long wait of the first processor.
    const domain = boot([...twice, 'mov ecx, 1000; again: pause; loop again', ...end(0)], others);
    expect(runToEnd(domain)).toMatchObject({ state: 'ended' });
    expect(word(domain, 3)).toBe(1);
  });

  it('INIT stops a processor that runs, until it is started again', () => {
    const counts = asm16('again:', inc(3), 'jmp again');
    const domain = boot(
      [
        ...message(1, INIT),
        ...message(1, STARTUP),
        wait,
        ...message(1, INIT),
        `mov eax, [${WORDS + 12}]; mov [${WORDS + 16}], eax`,
        wait,
        ...end(0),
      ],
      counts,
    );
    expect(runToEnd(domain)).toMatchObject({ state: 'ended' });
    expect(word(domain, 4)).toBeGreaterThan(100);
    expect(word(domain, 3)).toBe(word(domain, 4));
  });

  it('reaches all eight processors with one broadcast, and each has its own registers', () => {
    // All but self: 0xC0000. Each keeps its number in EBX.
    const all = asm16(`mov ebx, 1; lock xadd [${WORDS + 20}], ebx`, halt);
    const domain = boot(
      [...store(ICR_LOW, 0xc0000 | INIT), ...store(ICR_LOW, 0xc0000 | STARTUP), ...waitFor(WORDS + 20, 7), ...end(0)],
      all,
      { vcpus: 8 },
    );
    expect(runToEnd(domain, 1000)).toMatchObject({ state: 'ended' });
    const { machine, record } = domain.options;
    const current = machine.words[machine.domainEntry(record) + DOMAIN.CURRENT_VCPU];
    expect(current).toBe(domain.vcpus.current.id);
    const numbers = domain.vcpus.all.slice(1).map(vcpu => domain.vcpus.registersOf(vcpu)[R.EBX]);
    expect(numbers.sort()).toEqual([0, 1, 2, 3, 4, 5, 6]);
    // What the domain has run is what its processors have.
    domain.vcpus.countInstructions();
    const ran = new MachineView(machine.memory)
      .at(record.index)!
      .vcpus()
      .map(vcpu => vcpu.retired);
    expect(ran.every(each => each > 0)).toBe(true);
    expect(ran.reduce((sum, each) => sum + each)).toBe(domain.instructions);
  });
});

describe('interprocessor messages', () => {
  it('NMI wakes a halted processor once for each message, interrupts off or not', () => {
    // IVT entry 2 leads to START + 0x100.
    const sleeper = asm16(inc(3), halt, 'align 0x100', inc(6), 'iret');
    const domain = boot(
      [
        ...store(8, START + 0x100),
        ...message(1, INIT),
        ...message(1, STARTUP),
        ...waitFor(WORDS + 12, 1),
        ...message(1, NMI),
        ...waitFor(WORDS + 24, 1),
        ...message(1, NMI),
        ...waitFor(WORDS + 24, 2),
        ...end(1),
      ],
      sleeper,
    );
    expect(runToEnd(domain)).toMatchObject({ state: 'ended', ending: { value: 1 } });
  });
});

describe('turns', () => {
  const counters = asm16('again:', inc(3), 'jmp again');
  const first: Code = [...message(1, INIT), ...message(1, STARTUP), `again: inc dword [${WORDS + 16}]; jmp again`];

  it('two busy processors get on at the same rate', () => {
    const domain = boot(first, counters);
    domain.stopAtInstruction = 2_000_000;
    while (domain.instructions < 2_000_000) domain.runSlice();
    expect(word(domain, 3) / word(domain, 4)).toBeCloseTo(1, 1);
  });

  it('fall on the same instructions however the run is cut, saved and restored', () => {
    const at = 666_666,
      stop = 1_000_000;
    const whole = boot(first, counters);
    whole.stopAtInstruction = stop;
    while (whole.instructions < stop) whole.runSlice();

    const part = boot(first, counters);
    part.stopAtInstruction = at;
    while (part.instructions < at) part.runSlice();
    const chunks = saveDomain(part, { name: 'two', program: 'test', definition: '' });
    const file = new Uint8Array(chunks.reduce((sum, chunk) => sum + chunk.length, 0));
    chunks.reduce((offset, chunk) => (file.set(chunk, offset), offset + chunk.length), 0);
    const rest = boot(first, counters, { saved: readState(file, 'state') });
    rest.stopAtInstruction = stop;
    while (rest.instructions < stop) rest.runSlice();
    expect([word(rest, 3), word(rest, 4)]).toEqual([word(whole, 3), word(whole, 4)]);
  });

  it('what one processor writes over code the other runs at its next jump there', () => {
    // inc word 3; the jump that follows leads back, until the first processor has made a jump to HLT of it.
    const domain = boot(
      [...message(1, INIT), ...message(1, STARTUP), wait, `mov byte [${START + 6}], 0`, wait, ...end(0)],
      asm16('again:', inc(3), 'jmp again', halt),
    );
    expect(runToEnd(domain)).toMatchObject({ state: 'ended' });
    expect(word(domain, 3)).toBeGreaterThan(100);
    expect(domain.vcpus.all[1].activity).toBe(1);
  });
});
