/** Two runs in virtual time with the same inputs are one run: in every register and every byte of memory. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { ConsoleOutput } from '../toolstack/wire.ts';
import type { NamedFile } from '../definitions/verdicts.ts';
import { registers as R } from '../../cpu/architecture/index.ts';
import { assemble } from '../../cpu/assembler/index.ts';
import type { Host } from './host.ts';
import { testHost, timersOfTest } from './host.test-support.ts';
import { COMMANDS, runXl } from '../toolstack/commands/index.ts';
import { virshProgram } from '../libvirt/virsh/index.ts';
import { inTurns } from '../toolstack/runners/in-turns.ts';
import { VIRTUAL_EPOCH_MS } from './virtual-epoch.ts';
import { type LoggedInput, VirtualTime } from './virtual-time.ts';

const file = (path: string): NamedFile => ({
  name: path.slice(path.lastIndexOf('/') + 1),
  data: new Blob([readFileSync(new URL(`../../../guests/${path}`, import.meta.url))]),
});
const config = (text: string): NamedFile => ({ name: 'x.cfg', data: new Blob([text]) });
const minipv = (name: string): NamedFile[] => [
  config(`name = "${name}"\ntype = "pv"\nmemory = 4\nkernel = "minipv.elf"\n`),
  file('minipv/minipv.elf'),
];
const demo = [config('name = "demo"\ntype = "hvm"\nmemory = 4\nkernel = "demo.elf"\n'), file('demo/demo.elf')];

/** `speed`: virtual seconds in one of the wall's. */
function virtualHost(speed = Infinity, memoryMiB = 32): { host: Host; virtual: VirtualTime; memory: ArrayBuffer } {
  const memory = new ArrayBuffer(memoryMiB * 2 ** 20);
  const timers = timersOfTest();
  const virtual = new VirtualTime({ wallMs: () => performance.now(), soon: timers.soon, speed });
  const host = testHost({
    memory,
    virtual,
    runners: inTurns({ ...timers, pace: virtual }),
    epochMs: () => VIRTUAL_EPOCH_MS,
    seed: 7,
  });
  return { host, virtual, memory };
}

async function terminal(
  host: Host,
  id: number,
): Promise<{ shows: (text: string) => Promise<void>; type: (text: string) => void }> {
  const { console } = await host.consoles.view(id);
  let seen = '';
  console.onmessage = event => {
    const message = event.data as ConsoleOutput;
    if ('serial' in message) seen += new TextDecoder().decode(message.serial);
  };
  return {
    type: text => console.postMessage(new TextEncoder().encode(text)),
    shows: async text => {
      for (let i = 0; i < 2000 && !seen.includes(text); i++) await new Promise(resolve => setTimeout(resolve, 5));
      if (!seen.includes(text)) throw new Error(`no ${text} in ${seen}`);
      seen = seen.slice(seen.indexOf(text) + text.length);
    },
  };
}

/** Registers and memory of each domain, and the time. */
async function facts({ host, virtual, memory }: ReturnType<typeof virtualHost>) {
  const { machine, members, view } = host.toolstack;
  const domains = [...members.values()].map(({ name, record, runner }) => {
    const hash = createHash('sha256');
    for (let mfn = 0; mfn < machine.frames; mfn++)
      if (machine.ownerOf(mfn) === record.id) hash.update(new Uint8Array(memory, mfn * 4096, 4096));
    const { words } = view.at(record.index)!.vcpus()[0]!.registers();
    return {
      name,
      nowNs: runner.nowNs,
      eip: words[R.EIP],
      registers: createHash('sha256').update(words).digest('hex'),
      memory: hash.digest('hex'),
    };
  });
  return { now: virtual.now(), domains, prints: virtual.fingerprints() };
}

describe('a host in virtual time', () => {
  it('repeats a run from its inputs, whenever they came: clocks, registers and memory are equal', async () => {
    const first = virtualHost(20);
    const { id } = await first.host.create(demo);
    const pc = await terminal(first.host, id);
    const pv = await terminal(first.host, (await first.host.create(minipv('pv'))).id);
    await Promise.all([pc.shows('> '), pv.shows('minipv> ')]);
    // As a person would: at no time in particular.
    pc.type('regs\r');
    pv.type('calls 300\r');
    await Promise.all([pc.shows('GDTR'), pv.shows('calls: 300')]);
    await first.host.pause(id);
    pv.type('hog 5\r');
    await pv.shows('hog: ');
    await first.host.unpause(id);
    await first.virtual.runFor(20);
    const seen = await facts(first);
    const inputs = first.virtual.inputs();
    expect(inputs.map(({ what }) => what.kind)).toEqual([
      'command',
      'command',
      'console',
      'console',
      'command',
      'console',
      'command',
      'time',
    ]);
    expect(inputs.every(({ atNs }, i) => i === 0 || atNs >= inputs[i - 1]!.atNs)).toBe(true);

    const again = virtualHost();
    await again.virtual.replay(inputs);
    await standing(again.virtual);
    const { now, ...state } = await facts(again);
    expect(state).toEqual({ domains: seen.domains, prints: seen.prints });
    expect(now).toMatchObject({ ns: seen.now.ns, rounds: seen.now.rounds });

    // Another input makes another run.
    const other = virtualHost();
    const changed = inputs.map(
      (input): LoggedInput =>
        input.what.kind === 'console' && input.what.domain !== id
          ? { ...input, what: { ...input.what, input: new TextEncoder().encode('calls 301\r') } }
          : input,
    );
    await other.virtual.replay(changed);
    await standing(other.virtual);
    expect((await facts(other)).prints).not.toEqual(seen.prints);
  });

  it('lets no guest make up for the time for which it was paused', async () => {
    const { host, virtual } = virtualHost();
    const clock = (name: string): number =>
      [...host.toolstack.members.values()].find(member => member.name === name)!.runner.nowNs / 1e6;
    const { id } = await host.create(minipv('paused'));
    const other = await terminal(host, (await host.create(minipv('other'))).id);
    await other.shows('minipv> ');
    other.type('hog 10000\r');
    await virtual.runFor(20);
    await host.pause(id);
    const [stood, went] = [clock('paused'), clock('other')];
    await virtual.runFor(200);
    expect(clock('paused')).toBe(stood);
    expect(clock('other') - went).toBeGreaterThan(150);
    await host.unpause(id);
    // Who makes up for it would have the processor alone until it is as far as the other.
    const again = clock('other');
    await virtual.runFor(50);
    expect(clock('other') - again).toBeGreaterThan(20);
    expect(clock('paused') - stood).toBeLessThan(60);
  });

  it('lets a guest sleep without a processor, and wake with BOOST when its timer says so', async () => {
    const { host, virtual } = virtualHost();
    const small = new TextDecoder();
    const source = ['service', 'time', 'console', 'pv-base']
      .map(name => small.decode(readFileSync(new URL(`../../../guests/small/${name}.asm`, import.meta.url))))
      .join('\n');
    const kernel = { name: 'service.asm', data: new Blob([new Uint8Array(assemble(source).bytes)]) };
    const sleeper = await host.create([
      config('name = "sleeper"\ntype = "pv"\nmemory = 4\nkernel = "service.asm"\n'),
      kernel,
    ]);
    const other = await terminal(host, (await host.create(minipv('other'))).id);
    await other.shows('minipv> ');
    other.type('hog 10000\r');
    virtual.type(sleeper.id, new TextEncoder().encode('serve 1000 500\r'));
    const seen = async () => (await host.inspect('facts', sleeper.id)).counts;
    await virtual.runFor(50);
    const before = await seen();
    await virtual.runFor(200);
    const after = await seen(),
      woken = after.dispatches! - before.dispatches!;
    // A request each 10 ms of its clock, which goes on as the other's does.
    expect(woken).toBeGreaterThan(8);
    expect(woken).toBeLessThan(25);
    expect((after.wait_us! - before.wait_us!) / woken).toBeLessThan(3000);
  });

  it('notes what is asked for at the shell, in either spelling, and repeats it', async () => {
    const first = virtualHost(20);
    const { id } = await first.host.create(demo);
    const pc = await terminal(first.host, id);
    await pc.shows('> ');
    const read = async (): Promise<Blob> => new Blob();
    const write = async (): Promise<void> => {};
    const xl = (line: string): Promise<string> =>
      runXl(COMMANDS, { host: first.host, words: line.split(' '), read, write });
    const virsh = virshProgram(first.host);
    await xl('pause demo');
    expect(await xl('list')).toContain('demo');
    expect(await virsh.run(['resume', 'demo'], { read, write } as never)).toMatchObject({ status: 0 });
    pc.type('regs\r');
    await pc.shows('GDTR');
    await first.virtual.runFor(20);
    const seen = await facts(first),
      inputs = first.virtual.inputs();
    expect(inputs.map(({ what }) => (what.kind === 'command' ? what.name : what.kind))).toEqual([
      'create',
      'pause',
      'unpause',
      'console',
      'time',
    ]);
    const again = virtualHost();
    await again.virtual.replay(inputs);
    await standing(again.virtual);
    expect((await facts(again)).prints).toEqual(seen.prints);
  });

  it('stands where it is told to, and where nobody has anything to do', async () => {
    const { host, virtual } = virtualHost();
    const { id } = await host.create(minipv('pv'));
    const pv = await terminal(host, id);
    // It waits for a key, without a timer.
    const still = await virtual.runFor(1000);
    expect(still.stands).toBe(false);
    expect(still.ns).toBeLessThan(1e9);
    virtual.stand();
    pv.type('hog 1000\r');
    await new Promise(resolve => setTimeout(resolve, 20));
    expect(virtual.now()).toMatchObject({ ns: still.ns, rounds: virtual.now().rounds, stands: true });
    const after = await virtual.runFor(10);
    expect(after.stands).toBe(true);
    expect(after.ns - still.ns).toBeGreaterThanOrEqual(10e6);
    expect(after.ns - still.ns).toBeLessThan(25e6);
  });

  it('has a plain PC go back in its run and forward again, and refuses a guest with which Domain 0 shares memory', async () => {
    const { host, virtual } = virtualHost(Infinity, 320);
    const { id } = await host.create([file('demo/demo.elf')]);
    const pc = await terminal(host, id);
    await pc.shows('> ');
    const { at: prompt } = await host.back(id, 'keep');
    pc.type('regs\r');
    await pc.shows('GDTR');
    await virtual.runFor(20);
    const present = virtual.fingerprints();
    const since = (await host.back(id)).at.instructions - prompt.instructions;
    let told: string | undefined;
    await host.domains.subscribe(domains => {
      told = domains.find(domain => domain.id === id)?.state;
    });
    expect(told).not.toBe('p');
    // While it answers.
    const { at, isInPast } = await host.back(id, { back: { instructions: Math.floor(since / 2) } });
    expect([isInPast, told]).toEqual([true, 'p']);
    const then = virtual.fingerprints();
    expect(then).not.toEqual(present);
    await host.back(id, { back: { instructions: 1 } });
    expect((await host.back(id)).at.instructions).toBe(at.instructions - 1);
    expect((await host.inspect('past', id))!.at.instructions).toBe(at.instructions - 1);
    const { at: end } = await host.back(id, 'present');
    expect(virtual.fingerprints()).toEqual(present);
    // An exit that a device answers within the run of the processor is where it stops, too, and adds none to those that come after.
    for (let n = 1; n < 12; n++) {
      const { instructions } = prompt;
      await host.back(id, { goTo: { instructions: instructions + Math.floor((since * n) / 12) } });
      await host.back(id, { back: { exits: 1 } });
      expect((await host.back(id, { goTo: { ns: end.ns - 1 } })).at.exits).toBeLessThanOrEqual(end.exits);
    }
    await host.back(id, 'present');
    // What wrote the word below its stack's top: then it is there. Copies by REP and ports are on the way.
    const { machine, members, view } = host.toolstack,
      { record } = members.get(id)!;
    const xl = (words: string[]): Promise<string> =>
      runXl(COMMANDS, { host, words, read: async () => new Blob(), write: async () => {} });
    let found = 0;
    for (let n = 1; n <= 6; n++) {
      await host.back(id, { goTo: { instructions: prompt.instructions + Math.floor((since * n) / 6) } });
      const below = view.at(record.index)!.vcpus()[0]!.registers().words[R.ESP]! - 4;
      const said = await xl(['back', '-w', `${id}`, below.toString(16), '4']).catch((error: Error) => error.message);
      const value = /that wrote 0x[0-9a-f]+: 0x([0-9a-f]+)/.exec(said)?.[1];
      if (value === undefined) expect(said).toContain('There was none since');
      else {
        await host.back(id, { goTo: { instructions: (await host.back(id)).at.instructions + 1 } });
        const word =
          machine.words[(machine.secondStage(record).mfn(below >>> 12) << 10) + ((below & 4095) >> 2)]! >>> 0;
        expect(word).toBe(Number.parseInt(value, 16));
        found++;
      }
    }
    expect(found).toBeGreaterThan(0);
    await expect(xl(['back', '-w', `${id}`, 'nowhere'])).rejects.toThrow('is no linear address');
    // What stops it does not on the way through its past, and is there again afterwards.
    const points = [{ kind: 'write' as const, linear: 0, bytes: 4 }];
    await host.break(id, points);
    await host.back(id, 'present');
    expect(members.get(id)!.breaks).toEqual(points);
    await host.break(id, []);
    await host.back(id, { goTo: at });
    expect(virtual.fingerprints()).toEqual(then);
    await host.back(id, 'goOn');
    await host.unpause(id);
    virtual.goOn();
    pc.type('regs\r');
    await pc.shows('GDTR');
    const pv = await host.create(minipv('pv'));
    await expect(host.back(pv.id, 'keep')).rejects.toThrow('The past is kept of plain PCs');
  });

  it('refuses what makes no sense, with a sentence', async () => {
    const { host, virtual } = virtualHost();
    expect(() => virtual.setSpeed(0)).toThrow('a number above 0');
    await expect(virtual.runFor(NaN)).rejects.toThrow('a number above 0');
    await host.create(minipv('pv'));
    expect(() => virtual.replay([])).toThrow('Something happened on this host already');
    await expect(host.time('delete' as 'now')).rejects.toThrow('Virtual time knows now');
  });
});

async function standing(virtual: VirtualTime): Promise<void> {
  for (let i = 0; i < 2000 && !virtual.now().stands; i++) await new Promise(resolve => setTimeout(resolve, 5));
}
