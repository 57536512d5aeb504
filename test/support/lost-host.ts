/** A pool of processes as people start them, of which the one that has a guest is killed, while somebody outside asks the guest all the time. */
import { hostHere, pause } from '../../src/workshop/fuzz/pool/arena.ts';
import { membershipOf } from '../../src/dom0/pool/index.ts';
import { Client } from '../../src/dom0/pool/recovery/client.test-support.ts';
import { until } from '../../src/dom0/service/host.test-support.ts';
import { Ringside } from './command-line.ts';
import { HostShell } from './host-shell.ts';
import { Namespace } from './namespace.ts';
import { file } from './needs.ts';

const GUEST = '10.0.2.50';
const ASK_MS = 10;
/** Until it answers, where the machine is busy. */
const SECONDS = 180;
/** What was on its way when the host was killed has come so much later, and nothing of the other host yet. */
const ON_ITS_WAY_MS = 1000;
const DEFINITION = (guest: string, more: string): string =>
  `name = '${guest}'\\ntype = 'pvh'\\nmemory = 8\\nkernel = '/boot/minipv.elf'\\nextra = 'ip ${GUEST}'\\nvif = [ '' ]\\n${more}\\n`;

/** How its other host is to have the guest: snapshots every `everySeconds`, or what `xl remus` does. */
export type Kept = { as: 'replicate'; everySeconds: number } | { as: 'remus'; everyMs: number } | { as: 'disks' };

/** What becomes of its host: the process is killed, or it is cut off or stopped, so that no connection ends. */
export type Fate = 'killed' | 'stopped' | 'cut off';

export interface Lost {
  /** From the kill until it answered on the other host. */
  failoverMs: number;
  /** How long before the kill it was as it is there, as far as somebody outside can tell. */
  lostMs: number;
  /** It had answered more than it knows of now. */
  wentBack: boolean;
}

/** Alfa, in this process, gives leases; charlie takes guests over; each time there is another bravo, which is killed. */
export class PoolOfProcesses {
  private readonly started: Ringside[] = [];
  private readonly alfa = hostHere(16);
  private address = '';
  private readonly namespace = Namespace.make();
  private charlie!: HostShell;

  async start(): Promise<void> {
    const hub = new Ringside('pool', '--listen', '0.0.0.0:0', '--no-page');
    this.started.push(hub);
    await hub.expect('(Ctrl-C ends it.)', 120);
    const [, port, code] = /sh --join ws:\/\/\S+?:(\d+)\S*#(\S+)/.exec(hub.output)!;
    this.address = `ws://127.0.0.1:${port}/#${code}`;
    await membershipOf(this.alfa).join(this.address, { name: 'alfa' });
    this.charlie = await this.join('charlie');
  }

  /** Whether a host's cable can be cut here. */
  get hasCable(): boolean {
    return this.namespace !== undefined;
  }

  /** `cable`: it is in a network of its own. */
  private async join(name: string, cable?: Namespace): Promise<HostShell> {
    const minipv = `${file('guests/minipv/minipv.elf')}:/boot/minipv.elf`;
    const address = cable ? this.address.replace('127.0.0.1', cable.here) : this.address;
    const options = ['--join', address, '--name', name, '--host-memory', '64', '--file', minipv];
    const host = new HostShell(...options, ...(cable ? [{ behind: cable.behind }] : []));
    this.started.push(host);
    await host.expect('# ', 60);
    return host;
  }

  async end(): Promise<void> {
    for (const each of this.started) await each.kill();
    const membership = membershipOf(this.alfa);
    if (membership.joined) await membership.leave();
    this.namespace?.end();
    this.alfa.toolstack.close();
  }

  /** Has the host of a guest be lost `afterMs` after the guest is kept elsewhere. */
  async lose(kept: Kept, afterMs: number, number: number, fate: Fate = 'killed'): Promise<Lost> {
    const name = `bravo${number}`,
      guest = `mini${number}`;
    const cable = fate === 'cut off' ? this.namespace : undefined;
    const bravo = await this.join(name, cable);
    const client = new Client(this.alfa, GUEST, () => performance.now());
    const asking = setInterval(() => client.ask(), ASK_MS);
    try {
      await this.keep(bravo, name, guest, kept);
      await until(() => client.answers.length > 5, SECONDS);
      if (kept.as === 'replicate') await this.keptAnew(guest);
      await pause(afterMs);
      const lostAtMs = performance.now();
      if (cable) cable.isCut = true;
      else if (fate === 'stopped') bravo.stop();
      else await bravo.kill();
      await pause(ON_ITS_WAY_MS);
      const before = client.answers.length;
      await until(() => client.answers.length > before, SECONDS);
      const first = client.answers[before]!;
      // The last answer that it knows of.
      const known = client.answers.slice(0, before).findLast(({ count }) => count < first.count);
      await this.charlie.run(`xl destroy ${guest}`, 20);
      return {
        failoverMs: first.atMs - lostAtMs,
        lostMs: lostAtMs - (known?.atMs ?? -Infinity),
        wentBack: client.wentBack,
      };
    } finally {
      clearInterval(asking);
      client.close();
      await bravo.kill();
      if (cable) cable.isCut = false;
    }
  }

  /** A snapshot that was begun after this call: the next one may have been before. */
  private async keptAnew(guest: string): Promise<void> {
    const now = `$(pool replicas | grep "^${guest} ")`;
    await this.charlie.run(`for i in 1 2; do had="${now}"; until [ "${now}" != "$had" ]; do sleep 0.2; done; done`, 60);
  }

  private async keep(bravo: HostShell, name: string, guest: string, kept: Kept): Promise<void> {
    const replicate = kept.as === 'replicate' ? `\\nreplicate = 'every=${kept.everySeconds},to=charlie'` : '';
    const more = kept.as === 'remus' ? '' : `ha = 1${replicate}`;
    await bravo.run(`printf "${DEFINITION(guest, more)}" > /tmp/mini.cfg; xl create /tmp/mini.cfg`, 60);
    await bravo.run(`until pool leases | grep -q "^${guest} .*${name}"; do sleep 0.2; done`, 20);
    if (kept.as === 'remus') {
      bravo.send(`xl remus -i ${kept.everyMs} ${guest} charlie\r`);
      await bravo.expect(`Remus: ${guest} is protected`, 60);
    } else {
      if (kept.as === 'replicate')
        await this.charlie.run(`until pool replicas | grep -q "^${guest} "; do sleep 0.2; done`, 60);
      await this.charlie.run(`until pool guests | grep -q "^${guest} .* ${name} "; do sleep 0.2; done`, 20);
    }
  }
}
