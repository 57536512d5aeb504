/** What the page holds for each domain: its view on shared memory (or the last snapshot), its terminal, its readings of the last minute. */

import { commandOf } from '../dom0/toolstack/hypervisors/command/index.ts';
import { batch, signal } from '@preact/signals';
import type { ConsoleInput, DomainInfo, NamedFile } from '../dom0/service/index.ts';
import { thinned } from '../dom0/service/readings/index.ts';
import { SCREEN } from '../hypervisor/layout/index.ts';
import { isContinuous, readCounters, rates, type Rates, type Sample } from './counters.ts';
import { domains, host, hostsLost, reportProblem } from './host.ts';
import { sentence } from './sentence.ts';
import { GuestLink } from './guest-link.ts';
import { copyBlock } from './screen/painter.ts';
import type { Place } from './place.ts';
import { strings } from './strings.ts';
import { GuestTerminal } from './terminal.ts';

/** Counters are read four times a second; rates are over the last second; history keeps a point a second for a minute. */
export const READ_MS = 250;
const GONE_MS = 1000;
const RATE_READINGS = 4,
  HISTORY_POINTS = 60;

/** The guest whose window was used last: the tree shows which one it is. */
export const frontGuest = signal<number | undefined>(undefined);

/** What was so for `overMs` until `atMs`. */
export interface Past {
  readonly atMs: number;
  readonly overMs: number;
  readonly running: number;
  readonly instructionsPerSecond: number;
  readonly exitsPerSecond: number;
}

export class DomainSession extends GuestLink {
  readonly id: number;
  readonly info = signal<DomainInfo>(undefined as unknown as DomainInfo);
  readonly sample = signal<Sample | undefined>(undefined);
  readonly rates = signal<Rates | undefined>(undefined);
  /** Share of each of the last seconds in which guest code ran (0-1), oldest first; instructions and exits per second next to it. */
  readonly history = signal<readonly { running: number; instructionsPerSecond: number; exitsPerSecond: number }[]>([]);
  /** The same of the last hour, in coarser steps where it is older (dom0/service/readings), on the page's clock. */
  readonly past = signal<readonly Past[]>([]);
  /** Whether the serial line and the screen were ever used: decides which windows open by themselves. */
  readonly spoke = signal(false);
  readonly drew = signal(false);
  /** Which of the two it used first: what opens by itself stays what it was. */
  readonly used = signal<'serial' | 'screen' | undefined>(undefined);
  /** When somebody first typed or pressed a key. */
  askedMs: number | undefined;
  /** The files it was made from, as long as this page made it. */
  files: NamedFile[] | undefined;
  readonly terminal: GuestTerminal;
  /** The screen as it was at the last reading: the block itself goes to the next domain. */
  private keptScreen: Int32Array | undefined;
  private readings: Sample[] = [];
  private secondsSeen = 0;

  constructor(info: DomainInfo) {
    super();
    this.id = info.id;
    this.info.value = info;
    const label = strings.serial.label(info.name);
    this.terminal = new GuestTerminal(
      label,
      bytes => this.send({ serial: bytes }),
      why => reportProblem(label, why),
    );
    host.view(info.id).then(
      view => this.open(view),
      // One that was destroyed at once is no failure: the host's list says so a moment later.
      error =>
        setTimeout(() => {
          if (!this.gone.peek()) reportProblem(commandOf('console', info.name), sentence(error));
        }, GONE_MS),
    );
  }

  protected write(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.spoke.value = true;
    this.used.value ??= 'serial';
    this.terminal.write(bytes);
  }

  override send(input: ConsoleInput): void {
    if (!('mouse' in input)) this.askedMs ??= performance.now();
    super.send(input);
  }

  /** One reading; called every READ_MS. */
  read(now: number): void {
    if (this.gone.peek() || !this.counters) return;
    const sample = readCounters(this.counters, this.postedAt ?? now);
    // No letter: the block was taken back, and the host's list will say so.
    if (!sample.state) return;
    this.keepScreen();
    const last = this.readings.at(-1);
    if (last && !isContinuous(last, sample)) this.readings = [];
    this.readings.push(sample);
    if (this.readings.length > RATE_READINGS + 1) this.readings.shift();
    batch(() => {
      this.sample.value = sample;
      const first = this.readings[0]!;
      if (this.readings.length > 1) this.rates.value = rates(first, sample);
      if (this.screen && !this.drew.peek() && showsSomething(this.screen)) {
        this.drew.value = true;
        this.used.value ??= 'screen';
      }
      if (++this.secondsSeen % RATE_READINGS === 0 && this.rates.peek()) {
        const { running, instructionsPerSecond, exitsPerSecond } = this.rates.peek()!;
        const point = { running, instructionsPerSecond, exitsPerSecond },
          before = this.past.peek().at(-1)?.atMs ?? now - READ_MS * RATE_READINGS;
        this.history.value = [...this.history.peek().slice(1 - HISTORY_POINTS), point];
        this.past.value = thinned([...this.past.peek(), { ...point, atMs: now, overMs: now - before }], now);
      }
    });
  }

  private keepScreen(): void {
    if (!this.screen || this.keptScreen?.[SCREEN.GENERATION] === Atomics.load(this.screen, SCREEN.GENERATION)) return;
    this.keptScreen ??= new Int32Array(this.screen.length);
    copyBlock(this.screen, this.keptScreen);
  }

  /** The host lists it no more: what was seen last stays. */
  leave(): void {
    this.letGo();
    this.gone.value = true;
  }

  /** The readings that `rates` is over; undefined: it does nothing any more, or has not been read twice. */
  get span(): { from: Sample; to: Sample } | undefined {
    const [from] = this.readings,
      to = this.readings.at(-1);
    return from && to && from !== to && !this.over ? { from, to } : undefined;
  }

  /** Nothing that was shared is looked at any more: machine memory is another domain's now, or, where Domain 0 ended, the browser's to take back. */
  letGo(): void {
    this.screen = this.keptScreen;
    this.counters = this.memory = undefined;
  }

  /** It stopped: nothing listens any more. */
  get over(): boolean {
    return this.gone.value || this.info.value.state === 's' || this.info.value.state === 'c';
  }

  /** It crashed and is kept as it was: a person who opens it wants to know why. */
  get isFallen(): boolean {
    const { fell, lost } = this.info.value;
    return fell === true && !lost && !this.gone.value;
  }

  /** It has a screen, or had one when it was last listed. */
  get hasScreen(): boolean {
    return this.info.value.hasScreen === true || this.drew.value;
  }

  /** State letter: what the domain's own block says, else what the host said. */
  get state(): string {
    const reportedState = this.info.value.state;
    const read = this.sample.value?.state;
    return read && 'rb'.includes(read) && 'rb'.includes(reportedState) ? read : reportedState;
  }

  override close(): void {
    super.close();
    this.terminal.dispose();
  }
}

/** Graphics, or text that is not only spaces. */
function showsSomething(screen: Int32Array): boolean {
  const mode = Atomics.load(screen, SCREEN.MODE);
  if (mode !== 1) return mode !== 0;
  const end = Math.min(screen.length, SCREEN.DATA + Math.ceil((screen[SCREEN.WIDTH]! * screen[SCREEN.HEIGHT]!) / 2));
  for (let at = SCREEN.DATA; at < end; at++) {
    // Two cells a word; characters 0 and 32 are blank.
    if ((screen[at]! & 0x00df_00df) !== 0) return true;
  }
  return false;
}

/** By domain id. Domains that ended stay until `forget`. */
export const sessions = signal<ReadonlyMap<number, DomainSession>>(new Map());

/** Of the guests that have written on their console, the newest that is there. */
export const speaking = (): DomainSession | undefined =>
  [...sessions.value.values()].findLast(({ gone, spoke }) => spoke.value && !gone.value);

/** The session of the domain that a place is about. */
export const sessionAt = ({ id }: Place): DomainSession | undefined =>
  id === undefined ? undefined : sessions.value.get(id);

/** Keeps the sessions in step with the host's list; `keep` says whether one that is gone is still looked at. */
export function followDomains(keep: (id: number) => boolean): void {
  const follow = (list: DomainInfo[]) => {
    const next = new Map(sessions.peek());
    for (const info of list) {
      const session = next.get(info.id);
      if (session) session.info.value = info;
      else if (info.id > 0 && info.state !== '-') next.set(info.id, new DomainSession(info));
    }
    for (const [id, session] of next) {
      if (list.some(info => info.id === id)) continue;
      if (!session.gone.peek()) session.leave();
      if (!keep(id)) {
        session.close();
        next.delete(id);
      }
    }
    sessions.value = next;
  };
  hostsLost.subscribe(() => {
    for (const session of sessions.peek().values()) session.letGo();
  });
  domains.subscribe(follow);
  setInterval(() => {
    const now = performance.now();
    for (const session of sessions.peek().values()) session.read(now);
  }, READ_MS);
}

/** Drops what is left of a domain that the host lists no more. */
export function forget(id: number): void {
  const session = sessions.peek().get(id);
  if (!session?.gone.peek()) return;
  session.close();
  const next = new Map(sessions.peek());
  next.delete(id);
  sessions.value = next;
}
