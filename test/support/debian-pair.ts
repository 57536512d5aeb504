/** Two Debian guests of one host, each with its root on a volume and its card at the bridge, and what they are asked through their consoles. */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { exportVolume } from '../../src/workshop/soak-storage.ts';
import { definition, type Kind, KINDS, ROOT, writeRamdisk } from './debian-root.ts';
import { debian, PROMPT } from './guests.ts';
import { HostShell } from './host-shell.ts';

/** Ctrl-]: leaves a console. */
const LEAVE = '\x1d';
const DOMAIN_0 = ':~ # ';
/** They are where only root looks for programs. */
const E2FSPROGS = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` };
const SUM = /\b[0-9a-f]{64}\b/;
/** Of a disk, so much is read whole. */
const DISK_MIB = 8;

export interface PairOptions {
  /** Of each disk. */
  diskMiB: number;
  /** A boot of both takes no longer where nothing else runs. */
  bootSeconds?: number;
  /** The host keeps its disk in files, to be looked at when it has ended; absent: in memory. */
  keeps?: boolean;
}

/** What one copy took: seconds as the receiver's and the sender's clock count them, and of processors by `xl list`. */
export interface Copy {
  mib: number;
  seconds: number;
  /** Processor seconds by the domain's name. */
  cpu: Record<string, number>;
  /** Check sums of what was sent and of what was received, each read from its disk. */
  sums: [sent: string, received: string];
}

export class DebianPair {
  readonly host: HostShell;
  /** Of each guest by its name. */
  readonly kinds: Record<string, Kind>;
  /** Of each guest by its name, once it has a lease. */
  readonly addresses: Record<string, string> = {};
  private readonly folder = mkdtempSync(join(tmpdir(), 'ringside-pair-'));
  private readonly options: PairOptions;
  private asked = 0;

  constructor([a, b]: [a: Kind, b: Kind], options: PairOptions) {
    // A clone of the first one is the third.
    this.kinds = { a, b, c: a };
    this.options = options;
    const files = ['a', 'b'].flatMap(name => {
      const path = join(this.folder, name);
      writeFileSync(path, definition(name, this.kinds[name]));
      return ['--file', `${path}:/etc/xen/vm/${name}`];
    });
    const { kernel } = debian('686-pae');
    const ramdisk = writeRamdisk(this.folder);
    this.host = new HostShell(
      '--boot',
      '0',
      ...(options.keeps ? ['--state', this.state] : []),
      '--host',
      'pcpus=2,memory=900',
      '--file',
      `${kernel}:/boot/vmlinuz`,
      '--file',
      `${ramdisk}:/boot/ramdisk`,
      ...files,
    );
  }

  private get state(): string {
    return join(this.folder, 'state');
  }

  close(): void {
    this.host.kill();
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** Both from nothing to their prompts. */
  async start(): Promise<void> {
    const { host } = this;
    await host.expect(DOMAIN_0, 60);
    for (const name of ['a', 'b'])
      await host.run(`lvcreate -L ${this.options.diskMiB}M -n ${name} vg0; xl create /etc/xen/vm/${name}`, 60);
    for (const name of ['a', 'b']) await this.up(name);
  }

  /** Waits until a guest shows its prompt. */
  async up(name: string): Promise<void> {
    const { host } = this;
    host.send(`xl console ${name}\r`);
    await host.expect(ROOT, this.options.bootSeconds ?? 200);
    await host.expect(PROMPT, 60);
    await this.leave();
    this.addresses[name] = /lease of ([\d.]+) obtained/.exec(
      host.output.slice(host.output.lastIndexOf('udhcpc: started')),
    )![1];
  }

  private async leave(): Promise<void> {
    this.host.send(LEAVE);
    await this.host.expect(DOMAIN_0, 60);
  }

  /** What a line shows in a guest. @throws Error where its status is not 0 */
  async ask(name: string, line: string, usualSeconds: number): Promise<string> {
    const { host } = this;
    const number = ++this.asked;
    host.send(`xl console ${name}\r`);
    // What it has shown before comes first.
    await host.expect(PROMPT, 60);
    // The marks are written in two parts so that the echo of the line does not have them.
    host.send(`echo be''gin-${number}; ${line}; echo e''nd-${number}-$?\r`);
    await host.expect(`end-${number}-`, usualSeconds);
    await host.expect(PROMPT, 60);
    const shown = new RegExp(`begin-${number}\\r?\\n([\\s\\S]*)end-${number}-(\\d+)`).exec(host.output);
    if (!shown) throw new Error(`${line}: its marks are not whole in\n${host.output.slice(-2000)}`);
    const [, text, status] = shown;
    await this.leave();
    if (status !== '0') throw new Error(`${line}: status ${status}\n${text}`);
    return text.replaceAll('\r', '').trim();
  }

  /** Of `count` packets from one to the other. */
  async ping(from: string, to: string, count = 3): Promise<string> {
    return this.ask(from, `ping -c ${count} ${this.addresses[to]}`, 60);
  }

  /** A file of `mib` MiB of bytes, of which no two sectors are equal. */
  async fill(name: string, path: string, mib: number): Promise<void> {
    const seed = Math.min(mib, 2);
    await this.ask(name, `dd if=/dev/urandom of=/tmp/seed bs=1M count=${seed} 2>/dev/null`, 60);
    await this.ask(
      name,
      `for i in $(seq ${mib / seed}); do echo copy $i; cat /tmp/seed; done > ${path}; rm /tmp/seed; sync`,
      60 + 2 * mib,
    );
  }

  /** Check sum of a file, read from the disk. */
  async sum(name: string, path: string): Promise<string> {
    await this.startSum(name, path);
    return this.sumOf(name);
  }

  /** It takes minutes: others can work meanwhile. */
  private async startSum(name: string, path: string): Promise<void> {
    await this.ask(name, `sync; echo 3 > /proc/sys/vm/drop_caches; sha256sum < ${path} > /dev/sum & true`, 60);
  }

  private async sumOf(name: string): Promise<string> {
    return SUM.exec(await this.ask(name, 'wait $!; cat /dev/sum', 300))![0];
  }

  /** Check sums of a file of each, read at once. */
  async sums(files: Record<string, string>): Promise<string[]> {
    for (const [name, path] of Object.entries(files)) await this.startSum(name, path);
    const sums: string[] = [];
    for (const name of Object.keys(files)) sums.push(await this.sumOf(name));
    return sums;
  }

  /** What comes over TCP is to be /got. */
  async listen(name: string): Promise<void> {
    // What is typed at the console later is not for nc: a job that reads it from behind is stopped.
    await this.ask(
      name,
      'rm -f /got; [ -p /dev/silent ] || mkfifo /dev/silent; (nc -l -p 9 > /got <> /dev/silent; sync) & true',
      30,
    );
  }

  /** Seconds that Domain 0 takes for a line. */
  async time(line: string): Promise<number> {
    const beganMs = Date.now();
    await this.host.run(line, 120);
    return (Date.now() - beganMs) / 1000;
  }

  /** Sends /file of one over TCP, to be /got of the other. */
  async copy(from: string, to: string, mib: number): Promise<Copy> {
    await this.fill(from, '/file', mib);
    await this.listen(to);
    const before = await this.processorSeconds();
    const took = await this.ask(
      from,
      `read a x < /proc/uptime; nc ${this.addresses[to]} 9 < /file && read z x < /proc/uptime && echo took $a $z`,
      60 + 2 * mib,
    );
    const after = await this.processorSeconds();
    const [, begin, end] = /took ([\d.]+) ([\d.]+)/.exec(took)!;
    await this.ask(to, 'wait', 60);
    const cpu = Object.fromEntries(
      Object.entries(after).map(([name, seconds]) => [name, seconds - (before[name] ?? 0)]),
    );
    const [sent, received] = await this.sums({ [from]: '/file', [to]: '/got' });
    return { mib, seconds: Number(end) - Number(begin), cpu, sums: [sent, received] };
  }

  /** Of each domain, since it was made. */
  async processorSeconds(): Promise<Record<string, number>> {
    const rows = [...(await this.host.run('xl list', 30)).matchAll(/^(\S+) +\d+ +\d+ +\d+ +\S+ +([\d.]+)$/gm)];
    return Object.fromEntries(rows.map(([, name, seconds]) => [name, Number(seconds)]));
  }

  /** Check sums of a disk's beginning: as its guest reads it, and as Domain 0 does. The guest must not write meanwhile. */
  async disk(name: string): Promise<[inside: string, outside: string]> {
    const read = (path: string): string => `dd if=${path} bs=1M count=${DISK_MIB}`;
    const inside = await this.ask(
      name,
      `sync; echo 3 > /proc/sys/vm/drop_caches; ${read(`/dev/${KINDS[this.kinds[name]].disk}`)} 2>/dev/null | sha256sum`,
      120,
    );
    const outside = await this.host.run(`${read(`/dev/vg0/${name}`)} status=none | sha256sum`, 120);
    return [SUM.exec(inside)![0], SUM.exec(outside)![0]];
  }

  /** Destroys these guests and ends the host, which `keeps` its disk. */
  async end(...names: string[]): Promise<void> {
    await this.host.run(names.map(name => `xl destroy ${name}`).join('; '), 60);
    this.host.send('exit\r');
    await this.host.end(60);
  }

  /** As e2fsprogs read the volume of a host that has ended: the check sum of a file, and what e2fsck finds. @throws Error where they are not there */
  async examined(name: string, path: string): Promise<{ sum: string; problems: string }> {
    const image = join(this.folder, `${name}.img`);
    await exportVolume(this.state, `/dev/vg0/${name}`, image);
    const run = (tool: string, ...args: string[]): Buffer => {
      const { error, stdout, status } = spawnSync(tool, [...args, image], { env: E2FSPROGS, maxBuffer: 2 ** 30 });
      if (error) throw error;
      return tool === 'e2fsck' && status === 0 ? Buffer.alloc(0) : stdout;
    };
    return {
      sum: createHash('sha256')
        .update(run('debugfs', '-R', `cat ${path}`))
        .digest('hex'),
      problems: run('e2fsck', '-fn').toString(),
    };
  }
}
