/** A guest of the package's interface, over what the page asks of Domain 0. */
import type { ConsoleInput, ConsoleOutput, DomainInfo, DomainView } from '../dom0/service/index.ts';
import { readScreen, screenPicture, screenText } from '../hypervisor/view/index.ts';
import type { HostCalls } from './host-calls.ts';
import { Stream } from './streams.ts';
import type { Guest, GuestInfo, Picture, Snapshot } from './types.ts';

const WAIT_MS = 60_000;
/** A screen that changes just now is paused soon, but where its guest's thread has stopped in the middle. */
const STILL_MS = 2,
  MOST_TRIES = 100;
/** What a console has shown is kept as far as this back, in characters, for callers that wait for something in it. */
const MOST_SEEN = 1 << 20;

export const infoOf = (domain: DomainInfo): GuestInfo => ({
  id: domain.id,
  name: domain.name,
  state: domain.status?.state ?? 'shut off',
  type: domain.type,
  memoryMiB: domain.memoryMiB,
  vcpus: domain.vcpus,
  hasScreen: domain.hasScreen ?? false,
  ...(domain.ended === undefined ? {} : { ended: domain.ended }),
});

export class GuestOfHost implements Guest {
  readonly name: string;
  private readonly calls: HostCalls;

  constructor(calls: HostCalls, name: string) {
    this.calls = calls;
    this.name = name;
  }

  /** The domain that has the name now. @throws Error */
  private domain(): DomainInfo {
    const domain = this.calls.domains().find(({ name }) => name === this.name);
    if (!domain) throw new Error(`There is no guest ${this.name} at this host: create or start it.`);
    return domain;
  }

  async info(): Promise<GuestInfo> {
    return infoOf(this.domain());
  }

  console(): AsyncIterable<string> {
    const decoder = new TextDecoder();
    let view: DomainView | undefined;
    const stop = this.calls.onDomains(() => {
      if (!this.calls.domains().some(({ name, ended }) => name === this.name && ended === undefined)) stream.end();
    });
    const stream = new Stream<string>(() => {
      stop();
      view?.console.close();
    });
    void this.open(({ serial }) => stream.give(decoder.decode(serial, { stream: true }))).then(
      opened => {
        view = opened;
        opened.console.addEventListener('close', () => stream.end(), { once: true });
      },
      () => stream.end(),
    );
    return stream;
  }

  /** A view whose console is heard. */
  private async open(hear: (message: { serial: Uint8Array }) => void): Promise<DomainView> {
    const view = await this.calls.api.view(this.domain().id);
    view.console.onmessage = ({ data }: MessageEvent<ConsoleOutput>) => {
      if ('serial' in data) hear(data);
    };
    return view;
  }

  async type(text: string): Promise<void> {
    const { console: port } = await this.calls.api.view(this.domain().id);
    port.postMessage({ serial: new TextEncoder().encode(text) } satisfies ConsoleInput);
    // What was sent is read before the end of the port.
    port.close();
  }

  async waitFor(what: string | RegExp, timeoutMs: number = WAIT_MS): Promise<string> {
    // One that goes on from where it was (g, y) would miss what is before that.
    const pattern = typeof what === 'string' ? what : new RegExp(what.source, what.flags.replace(/[gy]/g, ''));
    const has = (text: string): boolean => (typeof pattern === 'string' ? text.includes(pattern) : pattern.test(text));
    const stream = this.console() as Stream<string>;
    let seen = '',
      late = false;
    const cancel = this.calls.later(timeoutMs, () => {
      late = true;
      stream.end();
    });
    try {
      for await (const text of stream) {
        seen = (seen + text).slice(-MOST_SEEN);
        if (has(seen)) return seen;
      }
    } finally {
      cancel();
    }
    const last = seen.trimEnd().split('\n').at(-1);
    throw new Error(
      `${this.name} ${late ? `has not shown ${what} for ${timeoutMs} ms` : `stopped before it showed ${what}`}; its last line is ${JSON.stringify(last)}.`,
    );
  }

  press(...codes: string[]): Promise<void> {
    return this.calls.api['send-key'](this.domain().id, codes);
  }

  async screen(): Promise<Picture> {
    const { id, hasScreen } = this.domain();
    if (!hasScreen) throw new Error(`${this.name} has no screen: give it one with vfb = ['vnc=1'] or vga = 'stdvga'.`);
    const view = await this.calls.api.view(id);
    try {
      const { memory, screenOffset } = view;
      if (memory) return await this.still(memory, screenOffset);
      const { screen, pixels } = await firstCopy(view);
      return { ...screenPicture(screen, 0, pixels && new Uint32Array(pixels)), text: screenText(screen, 0) };
    } finally {
      view.console.close();
    }
  }

  private async still(memory: SharedArrayBuffer, screen: number): Promise<Picture> {
    const read = (): Picture => ({ ...screenPicture(memory, screen), text: screenText(memory, screen) });
    for (let tries = 0; tries < MOST_TRIES; tries++) {
      const picture = readScreen(memory, screen, read);
      if (picture) return picture;
      await new Promise<void>(resolve => void this.calls.later(STILL_MS, resolve));
    }
    return read();
  }

  pause = (): Promise<void> => this.calls.api.pause(this.domain().id);
  unpause = (): Promise<void> => this.calls.api.unpause(this.domain().id);
  shutdown = (): Promise<void> => this.calls.api.shutdown(this.domain().id);
  reboot = (): Promise<void> => this.calls.api.reboot(this.domain().id, true);
  destroy = (): Promise<void> => this.calls.api.destroy(this.domain().id);

  ended(): Promise<string> {
    let last: string | undefined;
    return new Promise(resolve => {
      const look = (): void => {
        const domain = this.calls.domains().find(({ name }) => name === this.name);
        last = domain?.ended ?? last;
        if (domain && domain.ended === undefined) return;
        stop();
        resolve(last ?? `${this.name} is gone.`);
      };
      const stop = this.calls.onDomains(look);
      look();
    });
  }

  async snapshot(name?: string, description?: string): Promise<Snapshot> {
    return snapshotOf(await this.calls.api.snapshot(this.name, name, description));
  }

  async snapshots(): Promise<Snapshot[]> {
    return (await this.calls.api['snapshot-list'](this.name)).map(snapshotOf);
  }

  async revert(name: string): Promise<void> {
    await this.calls.api.revert(this.name, name);
  }
}

type Copy = Extract<ConsoleOutput, { screen: ArrayBuffer }>;

/** The copies of screen and counters that a view without shared memory brings. */
const firstCopy = (view: DomainView): Promise<Copy> =>
  new Promise(resolve => {
    view.console.onmessage = ({ data }: MessageEvent<ConsoleOutput>) => {
      if ('screen' in data) resolve(data);
    };
  });

type SnapshotRecord = Awaited<ReturnType<HostCalls['api']['snapshot']>>;

const snapshotOf = ({ name, createdMs, description = '', state, parent }: SnapshotRecord): Snapshot => ({
  name,
  createdMs,
  description,
  stateBytes: state?.bytes ?? 0,
  ...(parent === undefined ? {} : { parent }),
});
