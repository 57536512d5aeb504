/**
 * npm run -s soak:back -- [--jumps N] [--seconds S] [--seed S] [--image F]
 *
 * Debian starts from its disk in a plain PC in virtual time, writes files, draws on its screen and pings, while its past is kept. At random moments of that run,
 * between two slices and between two instructions, registers, memory, disk and screen are summed up. Then it goes to such a moment 1,000 times, in random order:
 * each time all sums must be those of the straight run. At last it steps back within the last ten seconds of its time, and prints what that cost, in processor
 * time. Needs npm run guests.
 */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type Probe, registers as R } from '../cpu/architecture/index.ts';
import { loadEverything } from '../dom0/service/index.ts';
import type { Turns } from '../dom0/toolstack/runners/index.ts';
import type { OverlayDisk } from '../hypervisor/disks/index.ts';
import type { Moment } from '../hypervisor/history/index.ts';
import type { Domain } from '../hypervisor/index.ts';
import { SCREEN, SCREEN_BYTES } from '../hypervisor/layout/index.ts';
import { FRAME_BYTES } from '../hypervisor/memory/index.ts';
import type { PastNow, PastWish } from '../hypervisor/verbs/index.ts';
import { number, seconds, text, WrongUse } from './harness/options.ts';
import { program } from './harness/program.ts';
import { drawing } from './harness/pick.ts';
import { parseBootOptions } from '../cli/boot/options.ts';
import { prepareAll } from '../cli/boot/prepare.ts';
import { type Guest, Session } from '../cli/boot/session.ts';
import { Output } from '../cli/boot/terminal.ts';

const DISK_IMAGE = join(process.env.RINGSIDE_ROOT ?? '.', '.cache/guests/disks/debian-disk.img');
const MEMORY_MIB = 64;
/** What a step back within the last ten seconds may cost, seconds of processor time: aim and floor. */
const AIM_S = 0.5,
  FLOOR_S = 2,
  LAST_NS = 10e9;
/** Steps that are timed. */
const STEPS = 100;
/** A probe is put on in one slice of this many, and the state between two summed up likewise. */
const ONE_SLICE_IN = 40;

/** What is typed, each once the text before it was shown. */
const SCRIPT: readonly (readonly [shown: string, typed: string])[] = [
  ['GNU GRUB', 'n'],
  ['INIT-DONE', ''],
  [
    '/ # ',
    'dmesg -n 1; mount -t ext4 /dev/sda1 /mnt && udhcpc -i eth0 -n -q; n=0; ' +
      'while ping -c 1 10.0.2.2; do n=$((n+1)); dmesg | head -c $((n*2999%40000)) > /mnt/f$((n%9)); sync; echo round $n > /dev/tty0; echo round-$n; done\n',
  ],
];

interface Sample {
  /** Between two slices its time, between two instructions their count. */
  target: { ns: number } | { instructions: number };
  sums: Sums;
}
type Sums = Record<'registers' | 'memory' | 'disk' | 'screen', string>;

function sumsOf(domain: Domain): Sums {
  const { machine, record, ide = [] } = domain.options,
    { regs, eflags } = domain.processor;
  const sum = (fill: (hash: ReturnType<typeof createHash>) => void): string => {
    const hash = createHash('sha1');
    fill(hash);
    return hash.digest('hex');
  };
  const screen = new Int32Array(machine.memory, record.screenOffset, SCREEN_BYTES / 4);
  return {
    registers: sum(hash => {
      hash.update(regs.subarray(R.EAX, R.ESP + 4)).update(`${regs[R.EIP]} ${eflags} ${regs[R.CPL]}`);
      hash.update(regs.subarray(R.SEG, R.INTERRUPTIBILITY)).update(regs.subarray(R.CR0, R.EFER + 1));
    }),
    memory: sum(hash => {
      for (let mfn = 0; mfn < machine.frames; mfn++)
        if (machine.ownerOf(mfn) === record.id)
          hash.update(machine.bytes.subarray(mfn * FRAME_BYTES, (mfn + 1) * FRAME_BYTES));
    }),
    disk: sum(hash => {
      for (const { disk } of ide)
        for (const { block, bytes } of [...((disk as OverlayDisk | null)?.changes() ?? [])].sort(
          (a, b) => a.block - b.block,
        ))
          hash.update(`${block}`).update(bytes);
    }),
    screen: sum(hash => {
      hash.update(screen.subarray(SCREEN.MODE, SCREEN.GENERATION)).update(screen.subarray(SCREEN.DATA));
    }),
  };
}

/** Sums a domain up between two instructions, once, and stops nothing. */
class InSlice implements Probe {
  sample: Sample | undefined;
  private wasEvent = false;
  private readonly domain: Domain;
  private readonly from: number;

  constructor(domain: Domain, from: number) {
    this.domain = domain;
    this.from = from;
  }

  /** What an interrupt leaves is no place between two instructions. */
  event(): void {
    this.wasEvent = true;
  }

  retired(): void {
    this.wasEvent = false;
  }

  before(): boolean {
    const { instructions } = this.domain;
    if (!this.sample && !this.wasEvent && instructions >= this.from)
      this.sample = { target: { instructions }, sums: sumsOf(this.domain) };
    return false;
  }
}

/** The straight run: it goes on until the guest has lived a given number of seconds of its time, and samples itself. */
class StraightRun {
  readonly samples: Sample[] = [];
  readonly session: Session;
  private guest!: Guest;
  private readonly draw: () => number;
  private readonly endNs: number;
  private text = '';
  private step = 0;
  private probe: InSlice | undefined;
  private lastNs = -1;
  private rounds = 0;
  private done = (): void => {};

  constructor(image: string, seconds: number, draw: () => number) {
    this.draw = draw;
    this.endNs = seconds * 1e9;
    const options = parseBootOptions([image, '--nic', 'pcnet', '--memory', `${MEMORY_MIB}`, '--virtual-time']);
    this.session = new Session(prepareAll(options, new Output(2)), {
      virtualTime: true,
      inWorkers: false,
      pcpus: 1,
      seed: 1,
      output: byte => this.shown(byte),
      // After each round, which of one guest is a slice.
      flush: () => this.between(),
      note: sentence => void process.stderr.write(`${sentence}\n`),
    });
  }

  get domain(): Domain {
    return (this.session.toolstack.runners as Turns).domains[0]!;
  }

  ask(wish: PastWish): Promise<PastNow> {
    return this.guest.member.runner.ask('past', wish);
  }

  /** Resolves at its end, with how many rounds of its work the guest has printed. */
  async run(): Promise<number> {
    const { session } = this,
      { runners } = session.toolstack;
    await session.start(() => runners.hold());
    runners.hold();
    this.guest = session.guests[0]!;
    await this.ask('keep');
    const ended = new Promise<void>((resolve, reject) => {
      this.done = resolve;
      session.over.then(() => reject(new Error('the guest ended')), reject);
    });
    runners.go();
    await ended;
    return this.rounds;
  }

  private shown(byte: number): void {
    this.text += String.fromCharCode(byte);
    const [wanted, typed] = SCRIPT[this.step] ?? ['\nround-', ''];
    if (!this.text.endsWith(wanted)) return;
    this.text = '';
    if (this.step < SCRIPT.length) this.step++;
    else this.rounds++;
    if (typed) this.session.type(this.guest, new TextEncoder().encode(typed));
  }

  private between(): void {
    const { domain, probe } = this,
      ns = domain.clock.nowNs();
    if (probe) {
      if (probe.sample) this.samples.push(probe.sample);
      domain.stops.lookOn(null);
      this.probe = undefined;
    }
    if (ns >= this.endNs) {
      this.session.toolstack.runners.hold();
      this.done();
      return;
    }
    // Two slices may end at one time.
    if (ns !== this.lastNs && this.draw() * ONE_SLICE_IN < 1)
      this.samples.push({ target: { ns }, sums: sumsOf(domain) });
    if (this.draw() * ONE_SLICE_IN < 1)
      domain.stops.lookOn((this.probe = new InSlice(domain, domain.instructions + Math.floor(this.draw() * 20_000))));
    this.lastNs = ns;
  }
}

const percentile = (sorted: readonly number[], part: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))]!;

/** What the same work costs this thread, seconds of processor time. */
async function costOf(work: () => Promise<unknown>): Promise<number> {
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1e6;
}

const whichDiffer = (one: Sums, other: Sums): string[] =>
  (Object.keys(one) as (keyof Sums)[]).filter(what => one[what] !== other[what]);

/** Goes to drawn samples; how many differed. */
async function jump(run: StraightRun, jumps: number, draw: () => number): Promise<number> {
  const { oldest } = await run.ask('keep');
  const known = run.samples.filter(({ target }) =>
    (Object.entries(target) as [keyof Moment, number][]).every(([what, value]) => value > oldest[what]),
  );
  let failed = 0;
  const costs: number[] = [];
  for (let number = 1; number <= jumps; number++) {
    const { target, sums } = known[Math.floor(draw() * known.length)]!;
    let at: Moment | undefined;
    costs.push(await costOf(async () => ({ at } = await run.ask({ goTo: target }))));
    const wrong = whichDiffer(sums, sumsOf(run.domain));
    if (wrong.length > 0) {
      failed++;
      process.stdout.write(
        `jump ${number}, to ${JSON.stringify(target)}: ${wrong.join(', ')} differ at ${JSON.stringify(at)}\n`,
      );
    }
    if (process.stderr.isTTY) process.stderr.write(`\r${number} jumps, ${failed} failed`);
  }
  costs.sort((a, b) => a - b);
  process.stdout.write(
    `${jumps} jumps to ${known.length} moments, ${known.filter(({ target }) => 'instructions' in target).length} of them between two instructions: ${failed} failed; processor time of one: median ${percentile(costs, 0.5).toFixed(2)} s, most ${costs.at(-1)!.toFixed(2)} s\n`,
  );
  return failed;
}

/** Steps back from the present and further within the last ten seconds. */
async function timeSteps(run: StraightRun, draw: () => number): Promise<void> {
  const { newest } = await run.ask('present');
  const costs: Record<string, number[]> = {};
  for (let i = 0; i < STEPS; i++) {
    // Somewhere in the last ten seconds, and from there one back.
    await run.ask({ goTo: { ns: newest.ns - Math.floor(draw() * (LAST_NS - 1e9)) } });
    for (const [name, back] of [
      ['an instruction', { instructions: 1 }],
      ['an exit', { exits: 1 }],
      ['a second', { ns: 1e9 }],
    ] as const)
      (costs[name] ??= []).push(await costOf(() => run.ask({ back })));
  }
  await run.ask('present');
  for (const [name, all] of Object.entries(costs)) {
    all.sort((a, b) => a - b);
    const most = all.at(-1)!;
    process.stdout.write(
      `back by ${name} within the last 10 s of the guest's time: median ${percentile(all, 0.5).toFixed(3)} s of processor time, 95 of 100 within ${percentile(all, 0.95).toFixed(3)} s, most ${most.toFixed(3)} s (aim ${AIM_S} s: ${most <= AIM_S ? 'kept' : 'missed'}; floor ${FLOOR_S} s: ${most <= FLOOR_S ? 'kept' : 'missed'})\n`,
    );
  }
}

export const main = program({
  name: 'soak:back',
  options: {
    jumps: number(1000, { least: 1 }),
    seconds: seconds(40),
    seed: number(1),
    image: text('FILE'),
  },
  run: async ({ jumps, seconds, seed, image = DISK_IMAGE }) => {
    if (!existsSync(image)) throw new WrongUse(`${image} is not here. Fetch it: npm run guests.`);
    await loadEverything();
    const draw = drawing(seed);
    const run = new StraightRun(image, seconds, draw);
    const ran = { rounds: 0 };
    const spent = await costOf(async () => {
      ran.rounds = await run.run();
    });
    const { bytes, at } = await run.ask('keep');
    const end = sumsOf(run.domain);
    process.stdout.write(
      `Debian ran ${seconds} s of its time, ${(at.instructions / 1e6).toFixed(0)} million instructions, in ${spent.toFixed(0)} s of processor time, with its sums; it wrote, synced and pinged ${ran.rounds} times. Its past takes ${(bytes / 2 ** 20).toFixed(0)} MiB.\n`,
    );
    const failed = await jump(run, jumps, draw);
    await timeSteps(run, draw);
    const wrong = whichDiffer(end, sumsOf(run.domain));
    if (wrong.length > 0) process.stdout.write(`back in the present: ${wrong.join(', ')} differ\n`);
    await run.session.close();
    return failed > 0 || wrong.length > 0 || ran.rounds === 0 ? 1 : 0;
  },
});
