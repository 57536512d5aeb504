/** Failover and what was answered: a guest's host is lost while somebody asks it; does the guest that goes on elsewhere know of all that it had answered? */
import { get16, parseIp, PROTOCOL_ICMP } from '../../devices/net/index.ts';
import { type Condition, type Experiment, numberOf, type Row } from './form.ts';
import type { Lab } from './lab.ts';
import { bootAt, CLIENT, hear, join, SERVER } from './link.ts';
import { randomFrom } from './random.ts';
import { short } from './words.ts';

/** Between two checkpoints. */
const INTERVALS_MS = [10, 20, 40];
/** This many hosts end for each, at moments of their own. */
const ENDS = 3,
  /** Asked for this many checkpoints before. */
  CHECKPOINTS = 2;
const LINK_MIB = 32;
/** An answer is waited for this long, by minipv's ping and by the code that checks whether the guest goes on. */
const PATIENCE_MS = 2000;
const MANY = 1_000_000;
const FREE = 'answers go at once',
  HELD = 'answers wait (Remus)';
/** Of an IPv4 header (RFC 791): minipv numbers the packets that it sends, in its own memory. */
const ID = 4;

/** The numbers of a guest's answers, as they come to a host. */
function answersAt(lab: Lab): number[] {
  const numbers: number[] = [];
  hear(lab, SERVER, frame => {
    const packet = parseIp(frame);
    if (packet?.protocol === PROTOCOL_ICMP) numbers.push(get16(packet.whole, ID));
  });
  return numbers;
}

/** What one end of a host came to. */
interface End {
  lost: number;
  answerMs: number;
  kib: number;
  goesOn: boolean;
}

/** Two hosts: one has a guest, the other its checkpoints and a client of it; this many milliseconds later the first one is lost. */
async function end(here: Lab, isHeld: boolean, intervalMs: number, afterMs: number): Promise<End> {
  const there = await here.another(true),
    { neighbours, lose } = join({ here, there }, LINK_MIB),
    server = await bootAt(here, 'server', SERVER),
    client = await bootAt(there, 'client', CLIENT);
  const { host } = here.machine,
    replicas = there.machine.keepFor('here'),
    lost = new Promise<string>(resolve => {
      replicas.onLost = resolve;
    });
  neighbours.get('there')!.serve('checkpoints', (channel, from) => void replicas.serve(channel, from));
  await client.command(`ping ${SERVER.address}`);
  const remus = here.machine.remus(neighbours.get('here')!);
  const bytes: number[] = [];
  const wish = {
    intervalMs,
    holdsOutput: isHeld,
    holdsDisk: true,
    taken: (one: { bytes: number }) => void bytes.push(one.bytes),
  };
  let problem: Error | undefined;
  remus.protect(host.domains.member(server.id), 'there', wish).catch((error: Error) => {
    problem = error;
  });
  while (bytes.length < 2) {
    if (problem) throw problem;
    await here.run(1);
  }
  client.type(`ping ${SERVER.address} ${MANY}`);
  const numbers = answersAt(there),
    askedMs = CHECKPOINTS * intervalMs + afterMs;
  await here.run(askedMs);
  const answerMs = askedMs / numbers.length,
    last = numbers.at(-1)!;
  lose('here');
  await there.machine.standing(async () => replicas.restore(await lost));
  numbers.length = 0;
  for (let ms = 0; ms < PATIENCE_MS && numbers.length < 2; ms++) await there.run(1);
  const [first = 0] = numbers;
  return {
    lost: Math.max(0, last + 1 - first),
    answerMs,
    kib: Math.max(...bytes.slice(1)) / 1024,
    goesOn: numbers.length > 1,
  };
}

const condition = (intervalMs: number, way: string): Condition => ({
  name: `a checkpoint every ${intervalMs} ms, ${way}`,
  prepare: async lab => async () => {
    const random = randomFrom(lab.seed + intervalMs),
      ends: End[] = [];
    for (let i = 0; i < ENDS; i++)
      ends.push(await end(await lab.another(), way === HELD, intervalMs, random() * intervalMs));
    const most = (of: (one: End) => number): number => Math.max(...ends.map(of));
    return [
      {
        interval: intervalMs,
        way,
        lost: most(({ lost }) => lost),
        answerMs: ends.reduce((sum, { answerMs }) => sum + answerMs, 0) / ENDS,
        kib: most(({ kib }) => kib),
        goesOn: ends.every(({ goesOn }) => goesOn) ? 'yes' : 'no',
      },
    ];
  },
});

export const answered: Experiment = {
  id: 'answered',
  title: 'Failover and what was answered',
  claim:
    'A guest that Remus protects goes on elsewhere, and nobody who was answered finds that the guest has forgotten it.',
  how: [
    `A guest of 4 MiB (minipv, PVH) is asked by another, on the other host, as fast as it answers (ping). Each of its answers has a number that it counts in its own memory. Its checkpoints go to the other host (xl remus -i), every ${INTERVALS_MS.join(', ')} ms, over a link of ${LINK_MIB} MiB/s; what it sends waits for its checkpoint, or goes at once (xl remus -n).`,
    `At a moment drawn from the seed its host is lost, and the other one lets it go on from the last checkpoint that is there. Lost are the answers whose numbers it gives a second time; the table has the most of ${ENDS} ends, each on two hosts of their own.`,
    'That the first host is lost is known at once here: a pool waits for the lease to run out (12 s), so that never two go on.',
  ],
  columns: [
    { id: 'interval', name: 'between two checkpoints', unit: 'ms' },
    { id: 'way', name: 'what the guest sends' },
    { id: 'lost', name: 'answers that it has forgotten, at most' },
    { id: 'answerMs', name: 'an answer takes', unit: 'ms' },
    { id: 'kib', name: 'a checkpoint, at most', unit: 'KiB' },
    { id: 'goesOn', name: 'and it goes on' },
  ],
  untimed:
    'The link’s rate and the interval are of the guests’ time, so that everybody’s rows are equal; npm run -s soak:failover ends real processes.',
  drawing: { kind: 'lines', x: 'interval', series: 'way', value: 'lost' },
  isDrawn: true,
  conditions: () => [FREE, HELD].flatMap(way => INTERVALS_MS.map(ms => condition(ms, way))),
  verdict: rows => {
    const of = (which: string): Row[] => rows.filter(({ way }) => way === which),
      most = (which: string, column: string): number => Math.max(...of(which).map(row => numberOf(row, column))),
      least = (which: string, column: string): number => Math.min(...of(which).map(row => numberOf(row, column))),
      lasts = rows.every(({ goesOn }) => goesOn === 'yes'),
      forgets = most(HELD, 'lost');
    return {
      held: lasts && forgets === 0 ? 'yes' : 'no',
      text: `${lasts ? 'The guest went on after each end of its host' : 'After an end of its host the guest did not go on'}. With answers that wait it had forgotten ${forgets === 0 ? 'none' : `up to ${forgets}`} of them; with answers that go at once up to ${most(FREE, 'lost')}: a client had an answer that the guest no longer knows of. The price is time: an answer took ${short(least(FREE, 'answerMs'))} ms where it goes at once, and ${short(least(HELD, 'answerMs'))} to ${short(most(HELD, 'answerMs'))} where it waits for its checkpoint. What checkpoints cost a guest that only computes is not measured: Domain 0’s work takes no time here. Cully and others (2008), who took up to forty a second, found that it pays for them, too.`,
    };
  },
};
