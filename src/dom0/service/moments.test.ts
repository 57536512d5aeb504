/** A host in virtual time goes back to a moment, with its guests and all that Domain 0 knows of them. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { DOMAIN_TRACE } from '../../hypervisor/layout/layout.ts';
import type { NamedFile } from '../definitions/verdicts.ts';
import { inTurns } from '../toolstack/runners/in-turns.ts';
import type { ConsoleOutput } from '../toolstack/wire.ts';
import type { Host } from './host.ts';
import { testHost, timersOfTest } from './host.test-support.ts';
import { VIRTUAL_EPOCH_MS } from './virtual-epoch.ts';
import { VirtualTime } from './virtual-time.ts';

const kernel = (): NamedFile => ({
  name: 'minipv.elf',
  data: new Blob([readFileSync(new URL('../../../guests/minipv/minipv.elf', import.meta.url))]),
});
const guest = (name: string, type: string, disk: string): NamedFile[] => [
  {
    name: 'x.cfg',
    data: new Blob([
      `name = "${name}"\ntype = "${type}"\nmemory = 4\nkernel = "minipv.elf"\ndisk = [ 'blank.img,raw,${disk},w' ]\n`,
    ]),
  },
  kernel(),
  { name: 'blank.img', data: new Blob([new Uint8Array(2 ** 20)]) },
];

class Timed {
  readonly virtual: VirtualTime;
  readonly host: Host;

  constructor() {
    const timers = timersOfTest();
    this.virtual = new VirtualTime({ wallMs: () => 0, soon: timers.soon, speed: Infinity });
    this.host = testHost({
      memory: new ArrayBuffer(64 * 2 ** 20),
      virtual: this.virtual,
      runners: inTurns({ ...timers, pace: this.virtual }),
      epochMs: () => VIRTUAL_EPOCH_MS,
      seed: 7,
      readsWhole: true,
    });
  }

  async create(...given: Parameters<typeof guest>): Promise<number> {
    this.virtual.stand();
    const { id } = await this.host.create(guest(...given));
    await this.runFor(100);
    return id;
  }

  async runFor(ms: number): Promise<void> {
    await this.virtual.runFor(ms);
    this.virtual.stand();
  }

  async type(id: number, line: string): Promise<void> {
    this.virtual.type(id, new TextEncoder().encode(`${line}\r`));
    await this.runFor(60);
  }

  /** Registers, memory, the store, and what is known of each guest. */
  async look(): Promise<unknown> {
    const { host, virtual } = this,
      ids = [...host.toolstack.members.keys()];
    return {
      prints: virtual.fingerprints(),
      now: { ...virtual.now(), stands: true },
      facts: await Promise.all(ids.map(id => host.inspect('facts', id))),
      store: host.toolstack.services.xenstored.store.look(),
      free: host.machine.freeFrames,
      shown: [...host.toolstack.members.values()].map(({ console }) => new TextDecoder().decode(console.shown)),
    };
  }
}

describe('a moment of a host', () => {
  it('is as it was, whatever became of its guests, and the same inputs lead on to the same run', async () => {
    const timed = new Timed(),
      { host, virtual } = timed;
    const pv = await timed.create('pv', 'pv', 'xvda'),
      hvm = await timed.create('hvm', 'hvm', 'hda');
    await timed.type(pv, 'time xvda write 64 4 4');
    const was = await timed.look(),
      moment = (await virtual.keep([pv, hvm]))!;
    const goOn = async (): Promise<unknown> => {
      await timed.type(pv, 'time xvda write 128 4 8');
      await timed.type(hvm, 'unplug');
      await timed.type(hvm, 'time hda write 64 4 2');
      return timed.look();
    };
    const then = await goOn();
    expect(then).not.toEqual(was);
    expect(await virtual.goBack(moment, [pv, hvm])).toBe(true);
    expect(await timed.look()).toEqual(was);
    expect(await goOn()).toEqual(then);
    // Another one in its place, too.
    await host.destroy(hvm);
    const other = await timed.create('other', 'pvh', 'xvda');
    expect(await virtual.goBack(moment, [pv, other])).toBe(true);
    expect(await timed.look()).toEqual(was);
    expect(await goOn()).toEqual(then);
  });

  it('is shown by the terminals that are open', async () => {
    const timed = new Timed(),
      id = await timed.create('pv', 'pv', 'xvda'),
      moment = (await timed.virtual.keep([id]))!,
      { console } = await timed.host.consoles.view(id);
    let seen = '';
    console.onmessage = ({ data }) => {
      const message = data as ConsoleOutput;
      if ('serial' in message) seen += new TextDecoder().decode(message.serial);
    };
    await timed.type(id, 'help');
    const before = new TextDecoder().decode(timed.host.toolstack.member(id).console.shown);
    await timed.virtual.goBack(moment, [id]);
    const shown = new TextDecoder().decode(timed.host.toolstack.member(id).console.shown);
    for (let i = 0; i < 200 && !seen.endsWith(`\x1bc${shown}`); i++) await new Promise(go => setTimeout(go, 5));
    expect(before.startsWith(shown) && before.length > shown.length).toBe(true);
    expect(seen.endsWith(`\x1bc${shown}`)).toBe(true);
    console.close();
  });

  it('is not gone back to where that would take something from others: nothing changes then', async () => {
    const timed = new Timed(),
      { virtual } = timed,
      id = await timed.create('pv', 'pv', 'xvda'),
      moment = (await virtual.keep([id]))!,
      other = await timed.create('other', 'pv', 'xvda'),
      was = await timed.look();
    expect([await virtual.goBack(moment, [id]), await virtual.keep([id])]).toEqual([false, undefined]);
    expect(await timed.look()).toEqual(was);
    await timed.host.destroy(other);
    virtual.goOn();
    expect([await virtual.goBack(moment, [id]), await virtual.keep([id])]).toEqual([false, undefined]);
    virtual.stand();
    expect(await virtual.goBack(moment, [id])).toBe(true);
    await virtual.forget(0);
    expect(await virtual.goBack(moment, [id])).toBe(false);
  });

  it('leaves to those who look on what they have read, and goes on to tell them', async () => {
    const timed = new Timed(),
      id = await timed.create('pv', 'pv', 'xvda'),
      moment = (await timed.virtual.keep([id]))!,
      { record } = timed.host.toolstack.member(id),
      view = timed.host.toolstack.view.at(record.index)!,
      reader = view.watch();
    await timed.type(id, 'help');
    expect(reader.take().entries.length).toBeGreaterThan(0);
    await timed.virtual.goBack(moment, [id]);
    expect(reader.take()).toEqual({ entries: [], missed: 0 });
    await timed.type(id, 'help');
    const { entries, missed } = reader.take();
    expect([entries.length > 0, missed]).toEqual([true, 0]);
    const watchers = (): number => timed.host.machine.words[(record.traceOffset >>> 2) + DOMAIN_TRACE.WATCHERS]!;
    expect(watchers()).toBe(1);
    reader.close();
    expect(watchers()).toBe(0);
  });

  it('goes when there are too many, the oldest first', async () => {
    const timed = new Timed(),
      id = await timed.create('pv', 'pv', 'xvda'),
      moments: number[] = [];
    for (let i = 0; i < 20; i++) moments.push((await timed.virtual.keep([id]))!);
    expect(await timed.virtual.goBack(moments[3]!, [id])).toBe(false);
    expect(await timed.virtual.goBack(moments[4]!, [id])).toBe(true);
    // What came after it is forgotten.
    expect(await timed.virtual.goBack(moments[19]!, [id])).toBe(false);
  });
});
