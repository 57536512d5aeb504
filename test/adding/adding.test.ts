/** docs/adding.md: its examples are the files of this folder, and each is at work once its one line stands where the page says. */
import { readFileSync } from 'node:fs';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Pc } from '../../src/devices/index.ts';
import { judgeDefinition } from '../../src/dom0/definitions/config/judge-definition.ts';
import { addKeys, buildByKeys, KEYS } from '../../src/dom0/definitions/config/keys.ts';
import type { KeyRule, NewDomain } from '../../src/dom0/definitions/config/rule.ts';
import { writeXlConfig } from '../../src/dom0/definitions/config/write-xl.ts';
import { program, programDomain, runToEnd } from '../../src/hypervisor/domain/program.test-support.ts';
import { FakeGuest } from '../../src/dom0/backends/fake-guest.test-support.ts';
import { attachKinds, DEVICE_KINDS, keysOf, type Place, plannedOf } from '../../src/dom0/toolstack/devices/index.ts';
import { WorkerRunner, type WorkerLike } from '../../src/dom0/toolstack/runners/index.ts';
import { Mailbox } from '../../src/hypervisor/index.ts';
import { readState, saveDomain } from '../../src/hypervisor/interfaces/xen/stream/state.ts';
import { type Ask, doVerb, VERBS } from '../../src/hypervisor/verbs/index.ts';
import { type Served, serveVerbs } from '../../src/hypervisor/worker/serve-verbs.ts';
import { BELLS } from './bell.ts';
import { delays } from './boot-delay.ts';
import { PostCard } from './post-card.ts';
import { howFar } from './how-far.ts';
import { SUMS } from './sums.ts';
import { statsOf } from '../../src/hypervisor/domain/stats.test-support.ts';

const text = (path: string): string => readFileSync(new URL(path, import.meta.url), 'utf8');

describe('docs/adding.md', () => {
  it.each(['post-card.ts', 'boot-delay.ts', 'machine-panel.tsx', 'sums.ts', 'how-far.ts', 'bell.ts'])(
    'shows %s as it is here',
    file => {
      expect(text('../../docs/adding.md')).toContain(`\n${text(`./${file}`)}\`\`\``);
    },
  );
});

describe('a device that is added', () => {
  it('answers its port in a running machine, and is saved, restored and reset with it', () => {
    const kernel = program(['mov dx, 0x300; mov al, 0x42; out dx, al; xor al, al; in al, dx; mov bl, al; hlt']);
    const domain = programDomain(kernel);
    const card = (domain.platform as unknown as Pc).plug(new PostCard());
    runToEnd(domain, 1);
    expect(domain.processor.regs[3] & 255).toBe(0x42);
    const state = domain.platform.save();
    expect(state['post-card']).toEqual({ code: 0x42 });
    domain.platform.reset();
    expect(card.peek()).toEqual({ code: 0 });
    domain.platform.restore(state);
    expect(card.peek()).toEqual({ code: 0x42 });
  });

  it('cannot take what another one answers', () => {
    const pc = programDomain(program(['hlt'])).platform as unknown as Pc;
    pc.plug(new PostCard());
    expect(() => pc.plug(new PostCard())).toThrow('ports 0x300-0x300 overlap a range that starts at 0x300');
  });
});

describe('a guest interface that is added', () => {
  const kernel = program(['mov ebx, 40; mov ecx, 2; vmcall; mov edx, eax; hlt']);

  it('answers the hypercall of a running guest', () => {
    const domain = programDomain(kernel, {}, undefined, SUMS);
    runToEnd(domain, 1);
    expect(domain.processor.regs[2]).toBe(42);
    expect(statsOf(domain).exitsByReason).toMatchObject({ VMCALL: 1, HLT: 1 });
  });

  it('is saved and restored with the processor as its guest saw it', () => {
    const domain = programDomain(kernel, {}, undefined, SUMS);
    runToEnd(domain, 1);
    const file = Buffer.concat(saveDomain(domain, { name: 'sums', program: 'test', definition: '' }));
    const restored = programDomain(kernel, {}, readState(file, 'sums.save'), SUMS);
    expect(restored.processor.regs[2]).toBe(42);
  });

  it('is not there for a guest that sees a plain PC: #UD, for which this one has no handler', () => {
    expect(runToEnd(programDomain(kernel), 1)).toMatchObject({ state: 'ended', ending: { kind: 'crash' } });
  });
});

describe('a verb that is added', () => {
  // The line.
  const verbs = { ...VERBS, howFar };
  const ran = () => {
    const domain = programDomain(program(['nop; nop; hlt']));
    runToEnd(domain, 1);
    const on = { domain, hasLeft: false } as Served['on'];
    return { domain, on };
  };

  it('is done at once to a domain on the same thread', async () => {
    const { domain, on } = ran();
    expect(await doVerb(verbs, on, 'howFar', [])).toBe(domain.instructions);
  });

  it('reaches a domain in a worker through its mailbox, and its answer comes back', async () => {
    const { domain, on } = ran();
    const { machine, record } = domain.options;
    const worker: WorkerLike = { postMessage: () => {}, terminate: () => {}, onmessage: null, onerror: null };
    const listener = { serial: () => {}, ended: () => {}, problem: () => {}, restarted: () => {} };
    const parts = { later: () => () => {}, hostMs: () => 0, rests: (ended: WorkerLike) => ended.terminate() };
    const runner = new WorkerRunner({ worker }, machine, record, {} as never, listener, parts, undefined, verbs);
    for (const data of [{ kind: 'ready' }, { kind: 'started', about: '' }]) worker.onmessage?.({ data });
    const asked = (runner.ask as Ask<typeof verbs>)('howFar');
    await serveVerbs({
      mailbox: new Mailbox(machine, record, verbs),
      verbs,
      on,
      given: async () => [],
      send: data => worker.onmessage?.({ data }),
    });
    expect(await asked).toBe(domain.instructions);
    worker.onerror?.({ message: 'it is gone' });
    expect(await (runner.ask as Ask<typeof verbs>)('howFar')).toBe(0);
  });
});

describe('a key that is added', () => {
  const rules = { ...KEYS, ...delays };
  const judged = (line: string) =>
    judgeDefinition('x.cfg', `name = "a"\nmemory = 64\ntype = "hvm"\nkernel = "/k"\n${line}\n`, Infinity, rules);
  const of = (line: string) => {
    const { definition, findings } = judged(line);
    const { verdict, short, column } = findings.find(({ key }) => key === 'boot_delay')!;
    return [verdict, short, column, definition.bootDelay];
  };

  it('gets its verdict and reaches the definition, in range and out of it', () => {
    expect(of('boot_delay = 5')).toEqual(['used', 'waits 5 s', 1, 5]);
    expect(of('boot_delay = 61')).toEqual(['error', 'at most 60', 14, undefined]);
    expect(of('boot_delay = "x"')).toEqual(['error', 'wants a number', 14, undefined]);
    expect(judged('boot_dealy = 5').findings.find(({ warns }) => warns)!.text).toContain('Did you mean boot_delay?');
  });

  it('does to a new domain what it is for', () => {
    const done: [string, number][] = [];
    const domain = { setParam: (...set: [string, number]) => done.push(set) } as unknown as NewDomain;
    const build: KeyRule['build'] = ({ setParam }, { bootDelay = 0 }) => setParam('TIMER_MODE', bootDelay);
    buildByKeys(domain, judged('boot_delay = 5').definition, { boot_delay: { ...delays.boot_delay!, build } });
    expect(done).toEqual([['TIMER_MODE', 5]]);
  });

  it('is written where a definition is', () => {
    expect(writeXlConfig(judged('boot_delay = 5').definition, rules)).toContain('\nboot_delay = 5\n');
  });
});

describe('a kind of guest device that is added', () => {
  // The line.
  const kinds = { ...DEVICE_KINDS, bells: BELLS };
  const rules = { ...KEYS, ...keysOf(kinds) };
  const ID = { kind: 'bell', domid: 7, devid: 0 };
  const made = (line: string, saved = {}) => {
    const text = `name = "a"\nmemory = 64\ntype = "pvh"\nkernel = "/k"\n${line}\n`;
    const { definition } = judgeDefinition('x.cfg', text, Infinity, rules);
    const guest = new FakeGuest();
    const place = { backends: guest.parts, record: { id: guest.domid } } as Place;
    const planned = plannedOf(kinds, { definition, hasVga: false, disks: [] });
    const devices = attachKinds(kinds, place, planned, saved);
    devices.start();
    return { guest, devices };
  };
  const rings = ({ guest, devices }: ReturnType<typeof made>) => {
    guest.unbound.add(3);
    guest.write(ID, { 'event-channel': 3, state: 4 });
    // A port that is bound counts as rung.
    guest.poll();
    return devices.of.bells.list().map(({ rung, state, port }) => [rung, state, port]);
  };

  it('is there for a guest whose definition asks for it, serves it, is listed, and goes with it', () => {
    const bell = made('bell = 1');
    expect(rings(bell)).toEqual([[1, 4, 3]]);
    expect(bell.guest.backend(ID, 'pitch')).toBe('440');
    bell.devices.close();
    expect(bell.guest.client.directory('/local/domain/0/backend/bell/7')).toEqual([]);
    expect(made('').devices.of.bells.list()).toEqual([]);
  });

  it('brings its key to whoever judges a definition', () => {
    const text = 'name = "a"\nmemory = 64\ntype = "pvh"\nkernel = "/k"\nbell = 1\n';
    const of = () => judgeDefinition('x.cfg', text).definition.bell;
    expect(of()).toBeUndefined();
    onTestFinished(() => void Reflect.deleteProperty(KEYS, 'bell'));
    addKeys(keysOf(kinds));
    expect(of()).toBe(true);
  });

  it('is saved under its name, and restored', () => {
    const bell = made('bell = 1');
    rings(bell);
    const saved = bell.devices.save(false);
    expect(saved).toEqual({ bells: 1 });
    expect(rings(made('bell = 1', saved))).toEqual([[2, 4, 3]]);
  });
});
