/**
 * npm run -s fuzz:libvirt -- [--messages N] [--seed S] [--within SECONDS]
 *
 * Hostile clients of the daemon: N messages (1,000,000 by default), noise and nearly right, to a real host. It passes if each call of an open connection has
 * exactly one answer, a well-behaved client is served as before, and memory does not grow.
 */
import type { ByteChannel } from '../dom0/host/nbd/index.ts';
import { joined } from '../formats/bytes/index.ts';
import { encode } from '../formats/xdr/index.ts';
import { Growth } from './harness/growth.ts';
import { number, within } from './harness/options.ts';
import { type Pick, picker } from './harness/pick.ts';
import { program } from './harness/program.ts';
import { Client } from '../cli/libvirtd/client.ts';
import { PacketReader, packetOf } from '../cli/libvirtd/packets.ts';
import {
  KEEPALIVE_PROGRAM,
  procedureNumber,
  QEMU_NAMES,
  QEMU_PROGRAM,
  REMOTE_PROGRAM,
  TYPE,
  VERSION,
} from '../cli/libvirtd/protocol.ts';
import { onSmallHost } from './small-host.ts';
import { PROCEDURES } from '../cli/libvirtd/table.ts';
import { domain, type Header, text } from '../cli/libvirtd/types.ts';
import { later } from '../cli/node-clock.ts';

/** Messages of one client. */
const BATCH = 200;
/** Clients come and go; nothing of them stays. */
const MOST_GROWTH_MIB = 48;
/** An answer may wait for a job of the domain's (30 s). */
const MOST_WAIT_MS = 60_000;
const UUID = '6b1e0f0a-44c1-4a4f-8c2d-1f0f5c9d7e11';
const XML = `<domain type='xen'><name>a</name><uuid>${UUID}</uuid><memory unit='MiB'>8</memory><vcpu>1</vcpu><os><type>hvm</type><kernel>/boot/demo.elf</kernel></os></domain>`;

/** The other end of a client's socket. */
class Line implements ByteChannel {
  readonly waitingBytes = 0;
  private hear: (bytes: Uint8Array<ArrayBuffer>) => void = () => {};
  private closed: () => void = () => {};
  private readonly reader = new PacketReader();
  /** Numbers of calls that have no answer yet. */
  readonly open = new Set<number>();
  isClosed = false;
  answers = 0;

  send(bytes: Uint8Array<ArrayBuffer>): void {
    for (const { header } of this.reader.take(bytes)) {
      if (header.type !== TYPE.REPLY) continue;
      this.answers++;
      if (!this.open.delete(header.serial)) throw new Error(`An answer to call ${header.serial}, which no call made.`);
    }
  }

  onDrained(): void {}

  listen(hear: (bytes: Uint8Array<ArrayBuffer>) => void, closed: () => void): void {
    this.hear = hear;
    this.closed = closed;
  }

  pause(): void {}

  resume(): void {}

  close(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.closed();
  }

  write(bytes: Uint8Array): void {
    if (!this.isClosed) this.hear(bytes as Uint8Array<ArrayBuffer>);
  }
}

const bytesOf = (pick: Pick, most: number): Uint8Array => Uint8Array.from({ length: pick(most + 1) }, () => pick(256));

const word = (value: number): Uint8Array => {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value >>> 0);
  return bytes;
};

const WORDS = [
  'a',
  '',
  'b',
  'xenbr0',
  'images',
  '/a.save',
  XML,
  '<domainsnapshot/>',
  "<disk type='file'/>",
  '\0\uffff',
];

/** What arguments are made of, in any order: right often enough. */
function payload(pick: Pick): Uint8Array {
  const parts: (() => Uint8Array)[] = [
    () => encode(domain, { name: 'a', uuid: UUID, id: 1 }),
    () => encode(domain, { name: 'Domain-0', uuid: '00000000-0000-0000-0000-000000000000', id: 0 }),
    () => word(pick(4)),
    () => word(2 ** pick(32)),
    () => word(pick(2 ** 32)),
    () => encode(text, WORDS[pick(WORDS.length)]!),
    () => joined([word(1), encode(text, WORDS[pick(WORDS.length)]!)]),
    () => word(0),
    () => bytesOf(pick, 40),
  ];
  return joined(Array.from({ length: pick(5) }, () => parts[pick(parts.length)]!()));
}

const NAMES = Object.keys(PROCEDURES);

/** The next message of a client, and the number of the call that it makes. */
function message(pick: Pick, serial: number): { bytes: Uint8Array; call?: number; isNoise?: true } {
  const head = (of: Partial<Header>): Header => ({
    program: REMOTE_PROGRAM,
    version: VERSION,
    procedure: pick(450),
    type: TYPE.CALL,
    serial,
    status: 0,
    ...of,
  });
  const kind = pick(100);
  if (kind < 60) {
    const name = NAMES[pick(NAMES.length)]!,
      ofQemu = QEMU_NAMES.indexOf(name);
    const called = ofQemu < 0 ? { procedure: procedureNumber(name) } : { program: QEMU_PROGRAM, procedure: ofQemu + 1 };
    return { bytes: packetOf(head(called), payload(pick)), call: serial };
  }
  if (kind < 75) return { bytes: packetOf(head({ procedure: pick(2 ** 32) | 0 }), payload(pick)), call: serial };
  if (kind < 80) return { bytes: packetOf(head({ status: pick(4), version: pick(3) }), payload(pick)), call: serial };
  if (kind < 85)
    return { bytes: packetOf(head({ program: KEEPALIVE_PROGRAM, procedure: pick(4), type: 2 }), bytesOf(pick, 8)) };
  if (kind < 97)
    return {
      bytes: packetOf(head({ type: TYPE.STREAM, serial: pick(serial + 1), status: pick(3) }), bytesOf(pick, 60)),
    };
  if (kind < 99) {
    // Of these a call that brings files is one that has an answer.
    const type = 1 + pick(6);
    return {
      bytes: packetOf(head({ type }), bytesOf(pick, 60)),
      ...(type === TYPE.CALL_WITH_FDS ? { call: serial } : {}),
    };
  }
  // Noise, and lengths that nothing has.
  return { bytes: joined([word(pick(2) ? pick(64) : 2 ** 32 - 1 - pick(2 ** 31)), bytesOf(pick, 40)]), isNoise: true };
}

const sleep = (ms: number): Promise<void> => new Promise(resolve => void later(ms, resolve));

async function settled(line: Line): Promise<void> {
  for (let ms = 0; !line.isClosed && line.open.size > 0; ms++) {
    if (ms > MOST_WAIT_MS) throw new Error(`Calls ${[...line.open].join(', ')} have no answer.`);
    await sleep(1);
  }
}

export const main = program({
  name: 'fuzz:libvirt',
  options: { messages: number(1_000_000), seed: number(1), within: within() },
  run: async ({ messages, seed, within }, write) => {
    const pick = picker(seed),
      growth = new Growth(MOST_GROWTH_MIB);
    let answers = 0,
      hungUp = 0,
      done = 0,
      problem: string | undefined;
    await onSmallHost({}, async host => {
      const connect = (): { line: Line; gone: () => boolean } => {
        const line = new Line();
        let isGone = false;
        new Client(host, line, PROCEDURES, () => (isGone = true));
        return { line, gone: () => isGone };
      };
      const call = (line: Line, serial: number, name: string, given: Uint8Array): void => {
        line.open.add(serial);
        line.write(
          packetOf(
            {
              program: REMOTE_PROGRAM,
              version: VERSION,
              procedure: procedureNumber(name),
              type: TYPE.CALL,
              serial,
              status: 0,
            },
            given,
          ),
        );
      };
      const good = connect().line;
      const OPEN = joined([word(0), word(0)]),
        LIST = joined([word(1), word(0)]);
      call(good, 1, 'connect_open', OPEN);
      for (let served = 1; done < messages && !within.isOver(); ) {
        const { line } = connect();
        call(line, 0, 'connect_open', joined([word(0), word(pick(4) === 0 ? 1 : 0)]));
        for (let i = 1; i <= BATCH && done < messages; i++, done++) {
          const { bytes, call: number, isNoise } = message(pick, i);
          // What follows noise may be a part of it: it is the last that a client sends.
          if (isNoise) await settled(line);
          if (number !== undefined && !line.isClosed) line.open.add(number);
          line.write(bytes);
          if (isNoise) break;
        }
        await settled(line);
        answers += line.answers;
        if (line.isClosed) hungUp++;
        line.close();
        call(good, ++served, 'connect_list_all_domains', LIST);
        await settled(good);
        if (good.isClosed) throw new Error('Who did nothing wrong was hung up on.');
        for (const { id } of host.domains.all()) await host.toolstack.remove(host.domains.member(id)).catch(() => {});
        if (done >= messages / 10) growth.begin();
      }
      problem = growth.problem();
    });
    write(`${done} messages from seed ${seed}: ${answers} answers, ${hungUp} clients hung up on; ${growth.text}.\n`);
    return problem === undefined ? 0 : 1;
  },
});
