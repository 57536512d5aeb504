/** A host at this terminal, from its boot menu to its shell, and again after reboot. */
import {
  BootError,
  GRUB_CONFIG_PATH,
  type HostBoot,
  hostBootOf,
  type HostDefinition,
  type HostState,
  type MenuChoice,
  MenuSession,
} from '../../dom0/service/index.ts';
import type { AllowedFiles } from '../../dom0/host/files/index.ts';
import { membershipOf } from '../../dom0/pool/index.ts';
import type { PeerOptions } from '../../devices/net/index.ts';
import { login, type Power, type PowerState, runLine, type Session, shellParts } from '../../dom0/shell/index.ts';
import type { Output } from '../boot/terminal.ts';
import { later } from '../node-clock.ts';
import { bootAtOnce, bootMenu, type NodeHost, sleep, startNodeHost, stopNodeHost } from '../node-host.ts';
import type { Joining } from '../pool/join-options.ts';
import { VERSION } from '../version.ts';

export interface HostRunsParts {
  state: HostState;
  definition: HostDefinition;
  /** Of it what was asked for: it counts more than the settings that the host keeps. */
  asked?: Partial<HostDefinition>;
  /** An entry of the menu, which is not shown then. */
  boot?: string | undefined;
  /** In place of the entry's words for Xen. */
  xenCommandLine?: string | undefined;
  /** What starts first, without asking the menu. */
  first?: HostBoot | undefined;
  /** Of the processors' second tier; undefined: as it is. */
  jitThreshold?: number | undefined;
  /** The pool that it joins before anything else, and its name there. */
  join?: Joining | undefined;
  /** What is on the wire of the host's card. */
  peer?: PeerOptions | undefined;
  /** Files of this machine that it may have. */
  allowed?: AllowedFiles | undefined;
  stdout: Output;
}

export class HostRuns {
  private readonly parts: HostRunsParts;
  /** Who gets what is typed. */
  private listener: (typed: string) => void = () => {};
  /** Typed before anybody listened. */
  private early = '';

  constructor(parts: HostRunsParts) {
    this.parts = parts;
  }

  /** Runs a line and ends; its status. @throws BootError */
  async line(line: string, stderr: Output): Promise<number> {
    const boot = await this.atOnce();
    const { host, log } = await this.start(boot);
    const power: Power = (_what, say) => stopNodeHost(host, say);
    const ran = await runLine(await shellParts(host, this.parts.state, sleep, power, log), line);
    this.parts.stdout.text(ran.stdout);
    stderr.text(ran.stderr);
    await leave(host, text => stderr.text(`ringside sh: ${text}\n`));
    return ran.status;
  }

  /** A host without a login, for as long as `work` lasts. @throws BootError, and what `work` throws */
  async during(work: (host: NodeHost) => Promise<void>, say: (sentence: string) => void): Promise<void> {
    const { host } = await this.start(await this.atOnce());
    try {
      await work(host);
    } finally {
      const ended = await leave(host, say, 'the daemon');
      // One whose guests end with it is lost to its pool: others start those of them again that ask for it.
      if (ended.length === 0 && membershipOf(host).joined) await membershipOf(host).leave();
    }
  }

  /** Logins at this terminal until somebody leaves or the host is switched off; what comes through a pipe is run line by line. @throws BootError */
  async interact(menu: boolean): Promise<number> {
    const { stdin } = process;
    const shows = menu || (stdin.isTTY && this.parts.boot === undefined && !this.parts.first);
    if (stdin.isTTY) stdin.setRawMode(true);
    stdin.setEncoding('utf8');
    const onData = (text: Buffer | string): void => this.listener(String(text));
    const onEnd = (): void => this.listener('\x04');
    stdin.on('data', onData);
    stdin.on('end', onEnd);
    this.listenTo(undefined);
    try {
      for (let again = false; ; again = true) {
        // The entry that was asked for is for the first time.
        const boot = shows || (again && stdin.isTTY) ? await this.choose() : await this.atOnce(again);
        if (boot === 'halt') return 0;
        if (boot === 'reboot') continue;
        const { over, next } = await this.session(boot, shows);
        if (next !== 'reboot') return over;
      }
    } finally {
      stdin.off('data', onData);
      stdin.off('end', onEnd);
      if (stdin.isTTY) stdin.setRawMode(false);
      stdin.pause();
    }
  }

  private listenTo(listener: ((typed: string) => void) | undefined): void {
    this.listener = listener ?? (typed => void (this.early += typed));
    const { early } = this;
    if (!listener || early === '') return;
    this.early = '';
    listener(early);
  }

  /** Without showing the menu. @throws BootError */
  private async atOnce(again = false): Promise<HostBoot> {
    if (this.parts.first && !again) return this.parts.first;
    return this.withXen(await bootAtOnce(this.parts.state, again ? undefined : this.parts.boot));
  }

  private async choose(): Promise<HostBoot | 'halt' | 'reboot'> {
    const { stdout } = this.parts;
    const menu = new MenuSession({
      menu: await bootMenu(this.parts.state),
      title: `Ringside ${VERSION}: ${GRUB_CONFIG_PATH}`,
      write: text => stdout.text(text),
      later,
    });
    this.listenTo(typed => menu.input(typed));
    const choice: MenuChoice = await menu.choice;
    this.listenTo(undefined);
    this.early = menu.rest + this.early;
    if (choice.kind !== 'boot') return choice.kind;
    for (const message of choice.commands.messages) stdout.text(`${message}\r\n`);
    return this.withXen(hostBootOf(choice)!);
  }

  private withXen(boot: HostBoot): HostBoot {
    const { xenCommandLine } = this.parts;
    return xenCommandLine === undefined ? boot : { ...boot, xenCommandLine };
  }

  private async start(boot: HostBoot): Promise<{ host: NodeHost; log: string[] }> {
    const { stdout } = this.parts;
    const started = await startNodeHost({ ...this.parts, say: problem => stdout.text(`${problem}\r\n`) }, boot);
    await this.join(started.host);
    await started.host.startAutomatic();
    return started;
  }

  /** @throws BootError */
  private async join(host: NodeHost): Promise<void> {
    const { join, stdout } = this.parts;
    if (!join) return;
    try {
      const { pool, url } = await membershipOf(host).join(join.address, join);
      if (process.stdin.isTTY) stdout.text(`This host is ${pool.me} in the pool at ${url}.\r\n`);
    } catch (error) {
      throw new BootError(`it joins no pool: ${(error as Error).message}`);
    }
  }

  /** A host and a login at it: the last command's status, and what becomes of the host. */
  private async session(boot: HostBoot, tells: boolean): Promise<{ over: number; next: PowerState | undefined }> {
    const { stdout, state } = this.parts;
    const { host, log } = await this.start(boot);
    if (tells)
      stdout.text(
        `${host.toolstack.hypervisor.log.text}${log.map(line => `${line}\n`).join('')}\n`.replace(/\n/g, '\r\n'),
      );
    let next: PowerState | undefined;
    let session: Session | undefined;
    const power: Power = async (what, say) => {
      await stopNodeHost(host, say);
      next = what;
      session?.close();
    };
    const terminal = {
      write: (text: string) => stdout.text(text),
      get columns() {
        return process.stdout.columns ?? 80;
      },
      get rows() {
        return process.stdout.rows ?? 24;
      },
    };
    const memory = state.storage.outlivesHost
      ? ''
      : 'Files and volumes live in memory and are gone with the host: --state DIR keeps them.\n';
    const login0 = await login(await shellParts(host, state, sleep, power, log), terminal, VERSION, memory);
    session = login0;
    const resized = (): void => login0.resized();
    process.stdout.on('resize', resized);
    this.listenTo(typed => login0.input(typed));
    const over = await login0.over;
    this.listenTo(undefined);
    process.stdout.off('resize', resized);
    await leave(host, text => stdout.text(`${text}\r\n`));
    return { over, next };
  }
}

/** Names of the guests that run: they end with their host, and a person who leaves it gets a warning. */
async function leave(host: NodeHost, say: (sentence: string) => void, who = 'the shell'): Promise<string[]> {
  const names = await host.endWithGuests();
  if (names.length > 0)
    say(
      `The host ends, and with it ${names.join(', ')}. Guests run as long as ${who}; ${who === 'the shell' ? 'poweroff' : 'virsh shutdown'} shuts them down first.`,
    );
  return names;
}
