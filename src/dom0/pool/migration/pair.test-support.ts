/** Two hosts in one process that know each other, and guests on them. */
import { readFileSync } from 'node:fs';
import type { ConsoleOutput } from '../../toolstack/wire.ts';
import type { NamedFile } from '../../definitions/verdicts.ts';
import type { Host, HostParts } from '../../service/host.ts';
import { later, soon, testFile, testHost, until } from '../../service/host.test-support.ts';
import type { ByteChannel } from '../../host/nbd/index.ts';
import { channelPair, type Neighbours, type Service } from '../neighbours.ts';

const MIB = 2 ** 20;
const guest = (name: string): Uint8Array => readFileSync(new URL(`../../../../guests/${name}`, import.meta.url));

/** A link that can be cut: of what one end sends, so much comes. */
export class Cable {
  /** Called with each piece that host `from` sends; false: the link breaks before it. */
  passes: (from: string, bytes: Uint8Array) => boolean = () => true;
  /** Called with each piece that host `from` sends; true: it and what follows it come once `letGo` is called. */
  holds: (from: string, bytes: Uint8Array) => boolean = () => false;
  private readonly held = new Set<() => void>();
  /** A host that has ended asks nobody. */
  private readonly muted = new Map<string, () => boolean>();
  private readonly services = new Map<string, (channel: ByteChannel, from: string) => void>();
  private readonly cuts = new Set<(why: string) => void>();

  of(me: string): Neighbours {
    return {
      me,
      connect: async (host, service) => {
        const accept = this.services.get(`${service} ${host}`);
        if (!accept || this.muted.get(me)?.()) throw new Error(`${host} does not answer`);
        const { ends, cut } = channelPair(soon);
        this.cuts.add(cut);
        accept(this.watched(ends[1], host, cut), me);
        return this.watched(ends[0], me, cut);
      },
      serve: (service: Service, accept) => void this.services.set(`${service} ${me}`, accept),
    };
  }

  /** It is gone, with all that it said and has not come. */
  end(host: string): void {
    this.services.delete(`migrate ${host}`);
    this.cutAll(`${host} is gone`);
  }

  /** It reaches nobody while `isMute` says so. */
  mute(host: string, isMute: () => boolean): void {
    this.muted.set(host, isMute);
  }

  cutAll(why: string): void {
    for (const cut of this.cuts) cut(why);
    this.cuts.clear();
  }

  letGo(): void {
    this.holds = () => false;
    for (const each of this.held) each();
    this.held.clear();
  }

  private watched(end: ByteChannel, me: string, cut: (why: string) => void): ByteChannel {
    const send = end.send.bind(end);
    let isHeld = false;
    return Object.assign(end, {
      send: (bytes: Uint8Array) => {
        if (!this.passes(me, bytes)) cut('the cable was pulled');
        else if (isHeld || this.holds(me, bytes)) {
          isHeld = true;
          this.held.add(() => {
            isHeld = false;
            send(bytes);
          });
        } else send(bytes);
      },
    });
  }
}

/** What is asked again after a second is asked earlier; what a guest is given to suspend itself stays. */
const HURRY = 50,
  LONG_MS = 2000;
export const hurried: HostParts['later'] = (ms, callback) => later(ms > LONG_MS ? ms : ms / HURRY, callback);

/** Its channels tell a message of type `last`, what follows it and the end in one call, as one does that was paused. */
export function toldAtOnce(neighbours: Neighbours, last: number): Neighbours {
  return {
    ...neighbours,
    connect: async (...to) => {
      const channel = await neighbours.connect(...to);
      const listen = channel.listen.bind(channel);
      const kept: Uint8Array<ArrayBuffer>[] = [];
      return Object.assign(channel, {
        listen: (...[bytes, closed]: Parameters<ByteChannel['listen']>) =>
          listen(
            piece => void (kept.length > 0 || piece[0] === last ? kept.push(piece) : bytes(piece)),
            why => {
              for (const piece of kept) bytes(piece);
              closed(why);
            },
          ),
      });
    },
  };
}

export interface Pair {
  a: Host;
  b: Host;
  cable: Cable;
}

/** `each`: what only one of them has. */
export function pair(of: Partial<HostParts> = {}, mib = 64, each: readonly Partial<HostParts>[] = []): Pair {
  const cable = new Cable();
  const host = (name: string, own: Partial<HostParts> = {}): Host =>
    testHost({ memory: new SharedArrayBuffer(mib * MIB), neighbours: cable.of(name), ...of, ...own });
  return { a: host('a', each[0]), b: host('b', each[1]), cable };
}

/** By what they are: a plain PC, kernels of demo and minipv. */
export const GUESTS = {
  demo: (name: string, more = ''): NamedFile[] => [
    testFile(`${name}.cfg`, `name = "${name}"\ntype = "hvm"\nmemory = 8\nkernel = "demo.elf"\n${more}`),
    testFile('demo.elf', guest('demo/demo.elf')),
  ],
  minipv: (name: string, more = '', type = 'pv'): NamedFile[] => [
    testFile(`${name}.cfg`, `name = "${name}"\ntype = "${type}"\nmemory = 8\nkernel = "minipv.elf"\n${more}`),
    testFile('minipv.elf', guest('minipv/minipv.elf')),
  ],
};

export interface Shown {
  text(): string;
  type(text: string): void;
}

export async function watch(host: Host, id: number): Promise<Shown> {
  const { console } = await host.consoles.view(id);
  let text = '';
  console.onmessage = ({ data }) => {
    const message = data as ConsoleOutput;
    if ('serial' in message) text += new TextDecoder().decode(message.serial);
  };
  return { text: () => text, type: line => console.postMessage(new TextEncoder().encode(line)) };
}

/** Names of the domains that run on a host, or would if they had something to do. */
export const running = async (host: Host): Promise<string[]> =>
  (await host.list()).filter(({ state }) => state === 'r' || state === 'b').map(({ name }) => name);

/** xl's words on a host; what it prints, or says where it fails. */
export async function xl(host: Host, ...words: string[]): Promise<{ out: string; err: string }> {
  const { COMMANDS } = await import('../../toolstack/commands/index.ts');
  const entry = COMMANDS[words[0] as 'migrate'];
  try {
    const out = await entry.xl!(
      { host, words: words.slice(1), read: path => host.files.readFile(path), write: async () => {} },
      (...given) => entry.run(host, ...given),
    );
    return { out, err: '' };
  } catch (error) {
    return { out: '', err: (error as Error).message };
  }
}

/** On which of the hosts it runs; nothing else of it is on any. */
export async function whereItRuns(hosts: readonly Host[]): Promise<number[]> {
  const at: number[] = [];
  for (const [index, host] of hosts.entries()) {
    // What the other end has given up goes within a turn or two.
    await until(async () => (await host.list()).every(({ name }) => name === 'web'));
    if ((await running(host)).includes('web')) at.push(index);
  }
  return at;
}

/** Fails before the `count`th piece from now on, of either host; says which one would have sent it, and whether it came to that. */
export function failing(cable: Cable, count: number, fail: () => void): { failed: boolean } {
  const state = { failed: false };
  let sent = 0;
  cable.passes = () => {
    if (state.failed || sent++ < count) return true;
    state.failed = true;
    fail();
    return false;
  };
  return state;
}
