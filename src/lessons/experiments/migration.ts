/** Migration without disconnection: a guest that serves a stream of TCP moves while it writes; for how long does the stream stop? */
import { type Condition, type Experiment, numberOf, type Row } from './form.ts';
import { bootAt, CLIENT, hear, join, LINK_MIB, move, SERVER } from './link.ts';
import { short } from './words.ts';

/** Pages of a guest's writable working set, each written once in this many milliseconds. */
const HOT = [0, 8, 16, 32, 64, 128],
  PAUSE_MS = 4;
const MEMORY_MIB = 8,
  STREAM_KIB = 1_000_000,
  WARM_MS = 20,
  AFTER_MS = 600;
const MANY = 1_000_000,
  PAGE_WORDS = 1024;
/** Before a sender says again what nobody has acknowledged: that of Linux, too (TCP_RTO_MIN). */
const AGAIN_MS = 200;
const STREAM = 'stream paused',
  GUEST = 'guest paused';

const condition = (hot: number): Condition => ({
  name: `${hot} pages written all the time`,
  prepare: async lab => {
    const there = await lab.another(true);
    join({ here: lab, there });
    const server = await bootAt(lab, 'server', SERVER, MEMORY_MIB),
      client = await bootAt(there, 'client', CLIENT, MEMORY_MIB);
    await client.command(`ping ${SERVER.address}`);
    return async () => {
      server.type(`dirty ${hot} ${MANY} ${1000 * PAUSE_MS} ${PAGE_WORDS}`);
      await lab.run(WARM_MS);
      client.type(`stream ${SERVER.address} ${STREAM_KIB}`);
      await lab.run(WARM_MS);
      let lastMs = lab.nowMs,
        gapMs = 0,
        heard = 0;
      // What the server acknowledges, as the client's host sees it.
      const stop = hear(there, SERVER, () => {
        gapMs = Math.max(gapMs, lab.nowMs - lastMs);
        lastMs = lab.nowMs;
        heard++;
      });
      const { went } = await move(server, lab, { name: 'there', lab: there });
      const before = heard;
      await lab.run(AFTER_MS);
      stop();
      const row = (measure: string, ms: number): Row => ({
        hot,
        measure,
        ms,
        rounds: went.rounds.length,
        mib: went.mib,
        totalMs: went.totalMs,
        goesOn: heard > before && !/refused|broken off/.test(client.shown) ? 'yes' : 'no',
      });
      return [row(STREAM, gapMs), row(GUEST, went.downMs)];
    };
  },
});

export const migration: Experiment = {
  id: 'migration',
  title: 'Migration without disconnection',
  claim: 'A guest goes to another host while it serves: no connection ends, and its users notice nothing.',
  how: [
    `A guest of 8 MiB (minipv, PVH) takes a stream of TCP, and fills each of its hottest pages again every ${PAUSE_MS} ms: ${HOT.join(', ')} pages. It goes to the host of its client (xl migrate). Both hosts’ bridges are one network with 0.1 ms between them; the link for the move carries ${LINK_MIB} MiB/s. Each line is two hosts of their own.`,
    `The guest is paused from its suspension until the other host reports that it runs; the stream is paused for the longest time in which no segment of the guest came to the client’s host. The client sends again what was not acknowledged for ${AGAIN_MS} ms, as Linux does at the least.`,
    'Both hosts have one clock: what their guests have executed, and what nobody had anything to do for. Domain 0’s own work takes no time.',
  ],
  columns: [
    { id: 'hot', name: 'pages written all the time' },
    { id: 'measure', name: 'what' },
    { id: 'ms', name: 'for', unit: 'ms' },
    { id: 'rounds', name: 'rounds' },
    { id: 'mib', name: 'sent', unit: 'MiB' },
    { id: 'totalMs', name: 'the whole move', unit: 'ms' },
    { id: 'goesOn', name: 'the stream goes on' },
  ],
  untimed:
    'The link’s rate is of the guests’ time, so that everybody’s rounds are equal; npm run -s bench:migration takes the time here.',
  drawing: { kind: 'lines', x: 'hot', series: 'measure', value: 'ms' },
  conditions: () => HOT.map(condition),
  verdict: rows => {
    const of = (measure: string): Row[] => rows.filter(row => row.measure === measure),
      [least, most] = [of(GUEST)[0]!, of(GUEST).at(-1)!],
      lasts = rows.every(({ goesOn }) => goesOn === 'yes'),
      longest = Math.max(...of(STREAM).map(row => numberOf(row, 'ms')));
    return {
      held: !lasts ? 'no' : longest < 100 ? 'yes' : 'partly',
      text: `${lasts ? 'No connection ended' : 'A connection ended'}. The guest was paused for ${short(numberOf(least, 'ms'))} ms where it wrote nothing but what came to it, and for ${short(numberOf(most, 'ms'))} with ${numberOf(most, 'hot')} pages that it writes all the time: those are sent while it is paused, and the more of them there are, the longer that takes. Its client noticed more than that: the stream paused for up to ${short(longest)} ms. What it had sent to a paused guest is lost with the rings of the host that the guest left, and TCP sends it again when its timer is over, after ${AGAIN_MS} ms at the least. Clark and others (2005) saw 60 ms for a game server on real machines. Between two hosts of a room nobody notices a fifth of a second in a download, and everybody does in a game or a telephone call.`,
    };
  },
};
