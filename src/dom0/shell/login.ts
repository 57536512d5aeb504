/** What a login at a host finds: its files, its programs, its history. A page and node have the same. */
import { type CommandHost, MACHINE, xorshift } from '../toolstack/index.ts';
import type { HostState } from '../host/state/index.ts';
import type { BashParts } from './bash.ts';
import { dmesgProgram, type Power, powerPrograms } from './power.ts';
import { failed, type Program, succeeded, type Terminal } from '../toolstack/programs/index.ts';
import { Session } from './session.ts';
import { blkidProgram } from './blkid.ts';
import { ddProgram } from './dd.ts';
import { bridgePrograms } from './bridge.ts';
import { dnsmasqProgram } from './dnsmasq.ts';
import { lsblk } from './block-devices.ts';
import { lspciProgram } from './lspci.ts';
import { editPrograms } from './edit.ts';
import { pagers } from './pager.ts';
import { poolProgram } from './pool.ts';
import { pingProgram } from './ping.ts';
import { qemuImgProgram } from './qemu-img.ts';
import { qemuNbdProgram } from './qemu-nbd.ts';
import { fdiskProgram, sfdiskProgram } from './sfdisk.ts';
import { servicePrograms } from './services.ts';
import { storagePrograms } from './storage.ts';
import { systemOf } from './hypervisors/index.ts';
import { kernelFile } from './kernel-files.ts';
import { kvmTools } from './kvm-tools.ts';
import { systemPrograms } from './system.ts';
import { truncateProgram } from './truncate.ts';
import { virshProgram } from '../libvirt/virsh/index.ts';

const HISTORY = '/root/.bash_history';
const MOST_HISTORY = 1000;

/** Lists all programs. */
const help = (programs: readonly Program[]): Program => ({
  name: 'help',
  summary: 'lists what there is',
  run: async () => ({
    stdout:
      programs.map(({ name, summary }) => `${name.padEnd(12)} ${summary}\n`).join('') +
      'ls, cat, grep, sed, awk and the other text tools, pipes, loops and variables are as in bash.\n',
    stderr: '',
    status: 0,
  }),
});

/** A page of the manual about one of our programs: its line of `help`, and what it says of itself. */
const man = (programs: readonly Program[]): Program => ({
  name: 'man',
  summary: 'what one of these commands is: man xl',
  run: async (words, around) => {
    const name = words.filter(word => !/^-|^[1-9]$/.test(word))[0];
    if (name === undefined) return failed("What manual page do you want?\nFor example, try 'man xl'.");
    const program = programs.find(each => each.name === name);
    if (!program)
      return failed(
        `No manual entry for ${name}${/^[a-z0-9-]+$/.test(name) ? `: try ${name} --help, or help ${name} for a part of the shell` : ''}`,
        NO_MANUAL,
      );
    const told = /^(?:xl|xm|virsh)$/.test(name) ? await program.run(['help'], around) : undefined;
    return succeeded(
      `NAME\n       ${name} - ${program.summary}\n${told ? `\nCOMMANDS\n${told.stdout.replace(/^(?=.)/gm, '       ')}` : ''}`,
    );
  },
  complete: () => programs.map(({ name }) => name),
});
/** man(1): there is no page. */
const NO_MANUAL = 16;

/** `power`: how the host is brought down; `log`: what Domain 0 said when it started. @throws as HostState.files */
export async function shellParts(
  host: CommandHost,
  state: HostState,
  sleep: BashParts['sleep'],
  power: Power,
  log: readonly string[],
): Promise<BashParts> {
  const system = systemOf(host);
  const programs = [
    ...system.programs(host),
    virshProgram(host),
    ...bridgePrograms(host),
    dnsmasqProgram(host),
    pingProgram(host),
    ...storagePrograms(state.storage, host),
    ddProgram(host),
    lspciProgram(host),
    qemuImgProgram(host),
    qemuNbdProgram(host),
    sfdiskProgram(host, state.storage),
    fdiskProgram(host, state.storage),
    lsblk(host),
    truncateProgram(host),
    blkidProgram(host),
    ...pagers(),
    ...servicePrograms(host),
    ...editPrograms(),
    ...powerPrograms(power),
    dmesgProgram(log),
    ...systemPrograms(host),
    ...kvmTools(host),
    poolProgram(host),
  ];
  programs.push(man(programs), help(programs));
  const next = xorshift(host.clock.epochMs());
  return {
    fs: await state.files(),
    systemName: system.name,
    kernelFile: path => kernelFile(host, path),
    programs,
    sleep,
    directory: '/root',
    random: below => (next() >>> 0) % below,
    environment: {
      HOME: '/root',
      PATH: '/usr/sbin:/usr/bin:/sbin:/bin',
      USER: 'root',
      HOSTNAME: host.toolstack.identity.name,
      MACHTYPE: `${MACHINE}-pc-linux-gnu`,
      HOSTTYPE: MACHINE,
      TERM: 'xterm',
    },
  };
}

/** A login at a terminal. `note`: said first, lines that end with LF. */
export async function login(parts: BashParts, terminal: Terminal, version: string, note = ''): Promise<Session> {
  const { fs } = parts;
  const history = (await fs.readFile(HISTORY).catch(() => ''))
    .split('\n')
    .filter(line => line !== '')
    .slice(-MOST_HISTORY);
  return new Session({
    ...parts,
    terminal,
    history,
    // A line that could not be kept is in the session all the same.
    remembered: line => void fs.appendFile(HISTORY, `${line}\n`).catch(() => {}),
    hostName: parts.environment.HOSTNAME,
    greeting: `Ringside ${version}, ${parts.systemName ?? 'Domain 0'}. help lists what there is; Ctrl-D leaves.\n${note}`,
  });
}
