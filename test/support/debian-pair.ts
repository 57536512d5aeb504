/** Two Debian guests of one host, each with its root on a volume and its card at the bridge, and what they are asked through their consoles. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { definition, type Kind, KINDS, ROOT, writeRamdisk } from './debian-root.ts';
import { debian, PROMPT } from './guests.ts';
import { HostShell } from './host-shell.ts';

/** Ctrl-]: leaves a console. */
const LEAVE = '\x1d';
const DOMAIN_0 = ':~ # ';
/** A pipe of Domain 0 has room for so much. */
const PIECE_MIB = 32;

export interface PairOptions {
  /** Of each disk. */
  diskMiB: number;
  /** A boot of both takes no longer where nothing else runs. */
  bootSeconds?: number;
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
  readonly kind: Kind;
  /** Of each guest by its name, once it has a lease. */
  readonly addresses: Record<string, string> = {};
  private readonly folder = mkdtempSync(join(tmpdir(), 'ringside-pair-'));
  private readonly options: PairOptions;
  private asked = 0;

  constructor(kind: Kind, options: PairOptions) {
    this.kind = kind;
    this.options = options;
    const files = ['a', 'b'].flatMap(name => {
      const path = join(this.folder, name);
      writeFileSync(path, definition(name, kind));
      return ['--file', `${path}:/etc/xen/vm/${name}`];
    });
    const { kernel } = debian('686-pae');
    const ramdisk = writeRamdisk(this.folder);
    this.host = new HostShell(
      '--boot',
      '0',
      '--host',
      'pcpus=2,memory=900',
      '--file',
      `${kernel}:/boot/vmlinuz`,
      '--file',
      `${ramdisk}:/boot/ramdisk`,
      ...files,
    );
  }

  close(): void {
    this.host.kill();
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** Both from nothing to their prompts. */
  async start(): Promise<void> {
    const { host } = this;
    await host.expect(DOMAIN_0, 60);
    for (const name of ['a', 'b']) await host.run(`lvcreate -L ${this.options.diskMiB}M -n ${name} vg0; xl create /etc/xen/vm/${name}`, 60);
    for (const name of ['a', 'b']) await this.up(name);
  }

  /** Waits until a guest shows its prompt. */
  async up(name: string): Promise<void> {
    const { host } = this;
    host.send(`xl console ${name}\r`);
    await host.expect(ROOT, this.options.bootSeconds ?? 200);
    await host.expect(PROMPT, 60);
    await this.leave();
    this.addresses[name] = /lease of ([\d.]+) obtained/.exec(host.output.slice(host.output.lastIndexOf('udhcpc: started')))![1];
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
    const [, text, status] = new RegExp(`begin-${number}\\r?\\n([\\s\\S]*)end-${number}-(\\d+)`).exec(host.output)!;
    await this.leave();
    if (status !== '0') throw new Error(`${line}: status ${status}\n${text}`);
    return text.replaceAll('\r', '').trim();
  }

  /** Of `count` packets from one to the other. */
  async ping(from: string, to: string, count = 3): Promise<string> {
    return this.ask(from, `ping -c ${count} ${this.addresses[to]}`, 60);
  }

  /** A file of so many MiB of bytes, of which no two sectors are equal: its check sum, read from the disk. */
  async fill(name: string, path: string, mib: number): Promise<string> {
    const seed = Math.min(mib, 2);
    await this.ask(name, `dd if=/dev/urandom of=/tmp/seed bs=1M count=${seed} 2>/dev/null`, 60);
    await this.ask(name, `for i in $(seq ${mib / seed}); do echo copy $i; cat /tmp/seed; done > ${path}; rm /tmp/seed`, 60 + 2 * mib);
    return this.sum(name, path);
  }

  async sum(name: string, path: string): Promise<string> {
    return (await this.ask(name, `sync; echo 3 > /proc/sys/vm/drop_caches; md5sum < ${path}`, 300)).slice(0, 32);
  }

  /** Sends /file of one over TCP, to be /got of the other. */
  async copy(from: string, to: string, mib: number): Promise<Copy> {
    const sent = await this.fill(from, '/file', mib);
    await this.ask(to, '(nc -l -p 9 > /got; sync) & true', 30);
    const before = await this.processorSeconds();
    const took = await this.ask(
      from,
      `read a x < /proc/uptime; nc ${this.addresses[to]} 9 < /file && read z x < /proc/uptime && echo took $a $z`,
      60 + 2 * mib,
    );
    const after = await this.processorSeconds();
    const [, begin, end] = /took ([\d.]+) ([\d.]+)/.exec(took)!;
    await this.ask(to, 'wait', 60);
    const cpu = Object.fromEntries(Object.entries(after).map(([name, seconds]) => [name, seconds - (before[name] ?? 0)]));
    return { mib, seconds: Number(end) - Number(begin), cpu, sums: [sent, await this.sum(to, '/got')] };
  }

  /** Of each domain, since it was made. */
  async processorSeconds(): Promise<Record<string, number>> {
    const rows = [...(await this.host.run('xl list', 30)).matchAll(/^(\S+) +\d+ +\d+ +\d+ +\S+ +([\d.]+)$/gm)];
    return Object.fromEntries(rows.map(([, name, seconds]) => [name, Number(seconds)]));
  }

  /** Check sums of a disk by pieces: as its guest reads it, and as Domain 0 does. The guest must not write meanwhile. */
  async disk(name: string): Promise<[inside: string[], outside: string[]]> {
    const pieces = Array.from({ length: Math.ceil(this.options.diskMiB / PIECE_MIB) }, (_, i) => i * PIECE_MIB).join(' ');
    const loop = (path: string, quiet: string): string =>
      `for i in ${pieces}; do dd if=${path} bs=1M skip=$i count=${PIECE_MIB} ${quiet} | md5sum; done`;
    const sums = (text: string): string[] => [...text.matchAll(/\b([0-9a-f]{32})\b/g)].map(([, sum]) => sum);
    const inside = sums(
      await this.ask(name, `sync; echo 3 > /proc/sys/vm/drop_caches; ${loop(`/dev/${KINDS[this.kind].disk}`, '2>/dev/null')}`, 300),
    );
    return [inside, sums(await this.host.run(loop(`/dev/vg0/${name}`, 'status=none'), 300))];
  }
}
