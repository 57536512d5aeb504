/** `ringside sh`: a host with Domain 0's shell, at this terminal or for one line. */
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import {
  BootError,
  describeHost,
  type HostBoot,
  HostDefinitionError,
  type HostState,
  KVM_BOOT,
  readHost,
} from '../../dom0/service/index.ts';
import type { KeptFiles } from '../../dom0/host/files/index.ts';
import { fileBytes } from '../file-bytes.ts';
import { HostError } from '../../hypervisor/index.ts';
import { openNetwork } from '../boot/network.ts';
import { checkForwards, hostForwardWord, netWord } from '../boot/network-words.ts';
import { Output } from '../boot/terminal.ts';
import { JIT_THRESHOLD_ABOUT, jitThresholdOf, NO_JIT_ABOUT } from '../jit-options.ts';
import { hostHere, openNodeState } from '../node-host.ts';
import { JOIN_ABOUT, JOIN_OPTIONS, type Joining, joiningOf } from '../pool/join-options.ts';
import { StateError } from '../storage/state.ts';
import { HostRuns } from './host-runs.ts';

const WRONG_USE = 2,
  NOT_BOOTED = 1;
export const shellHelp = (): string => `Usage: ringside sh [options]

Domain 0's shell: xl, xenstore-ls, lvs and similar commands, text tools, pipes.

  -c LINE               run a line; its status is the last command's
  --state DIR           store files and volumes in DIR (default: in memory, lost with the host)
  --file SOURCE:PATH    put a file or a folder of this machine at a path of Domain 0 (also several times)
  --host WORDS          the host's hardware: pcpus=2,memory=512,vt=off,disk=20GB (default: ${describeHost(hostHere())};
                        vt=off: a computer without VT, for paravirtual guests only; a disk keeps the size of its first start;
                        xl host-set stores settings for the next boots)
  --host-memory MIB     the same as --host memory=MIB
  --pcpus N             the same as --host pcpus=N
  --boot ENTRY          boot this entry of /boot/grub/grub.cfg at once: a number from 0 on, a title or an id (submenus: advanced>xen-rr)
  --hypervisor KIND     xen, or kvm: the host's own system is the hypervisor, and each guest a process of it (the entry kvm of the menu)
  --menu                show the boot menu, as it is at a terminal without -c and --boot
  --xen TEXT            Xen's command line in place of the entry's: dom0_mem=SIZE, sched=credit or rr, loglvl=LEVEL, hvm_fep, cpuid=no-vmx …
  --net nat             guests reach what this machine reaches, by TCP and UDP, and 10.0.2.2 is its 127.0.0.1
  --forward RULE        with --net nat: a port of 127.0.0.1 leads to a guest's, as in tcp:2222-:22 (also several times), or
                        tcp:2222-192.168.122.2:22 on a network of libvirt's
${JOIN_ABOUT}
  --no-jit              ${NO_JIT_ABOUT}
  --jit-threshold N     ${JIT_THRESHOLD_ABOUT}

For example: ringside sh --file vm.cfg:/etc/xen/vm/vm --file vmlinuz:/boot/vmlinuz -c 'xl create /etc/xen/vm/vm; xl list'
`;

export class WrongUse extends Error {}

function parse(argv: string[]) {
  try {
    const { values } = parseArgs({
      args: argv,
      options: {
        c: { type: 'string', short: 'c' },
        state: { type: 'string' },
        file: { type: 'string', multiple: true },
        host: { type: 'string' },
        'host-memory': { type: 'string' },
        pcpus: { type: 'string' },
        xen: { type: 'string' },
        boot: { type: 'string' },
        hypervisor: { type: 'string' },
        menu: { type: 'boolean' },
        net: { type: 'string' },
        forward: { type: 'string', multiple: true },
        ...JOIN_OPTIONS,
        'no-jit': { type: 'boolean' },
        'jit-threshold': { type: 'string' },
        help: { type: 'boolean', short: 'h' },
      },
    });
    const net = values.net === undefined ? undefined : netWord(values.net),
      forwards = (values.forward ?? []).map(hostForwardWord);
    checkForwards(net, forwards);
    const jitThreshold = jitThresholdOf(values['no-jit'] ?? false, values['jit-threshold']);
    return { ...values, network: { net, forwards }, jitThreshold };
  } catch (error) {
    throw new WrongUse((error as Error).message);
  }
}

/** What starts without the menu, by --hypervisor; undefined: what the menu or --boot says. */
const HYPERVISORS: Readonly<Record<string, HostBoot | undefined>> = { xen: undefined, kvm: KVM_BOOT };

/** @throws WrongUse */
export function firstBoot({
  hypervisor = 'xen',
  boot,
  xen: commandLine,
}: {
  hypervisor?: string | undefined;
  boot?: string;
  xen?: string;
}): HostBoot | undefined {
  if (!Object.hasOwn(HYPERVISORS, hypervisor)) throw new WrongUse(`--hypervisor ${hypervisor}: write xen or kvm.`);
  const first = HYPERVISORS[hypervisor];
  if (first && commandLine !== undefined)
    throw new WrongUse('--xen is the command line of Xen, which a host with --hypervisor kvm has not: leave one out.');
  if (first && boot !== undefined)
    throw new WrongUse('--boot and --hypervisor kvm both say what starts: leave one out.');
  return first;
}

/** @throws WrongUse */
export function joiningAsked(values: Parameters<typeof joiningOf>[0]): Joining | undefined {
  try {
    return joiningOf(values, process.env);
  } catch (error) {
    throw new WrongUse((error as Error).message);
  }
}

export async function shell(argv: string[]): Promise<number> {
  const stdout = new Output(1),
    stderr = new Output(2);
  let state: HostState | undefined, network: Awaited<ReturnType<typeof openNetwork>>;
  try {
    const options = parse(argv);
    if (options.help) return (stdout.text(shellHelp()), 0);
    const words = [
      options.host,
      options['host-memory'] && `memory=${options['host-memory']}`,
      options.pcpus && `pcpus=${options.pcpus}`,
    ];
    const asked = readHost(words.filter(Boolean).join(' '));
    const definition = { ...hostHere(), ...asked };
    state = await openNodeState(options.state, definition);
    const fs = await state.files();
    await putFiles(fs, options.file ?? []);
    const { c: line, boot, menu = false, xen } = options;
    const join = joiningAsked(options);
    const first = firstBoot(options);
    network = await openNetwork(options.network, sentence => stderr.text(`ringside sh: ${sentence}\n`));
    const host = new HostRuns({
      peer: network?.peer,
      state,
      definition,
      asked,
      boot,
      xenCommandLine: xen,
      first,
      jitThreshold: options.jitThreshold,
      join,
      stdout,
    });
    return line === undefined ? await host.interact(menu) : await host.line(line, stderr);
  } catch (error) {
    if (error instanceof StateError) return (stderr.text(`ringside sh: ${error.message}\n`), 1);
    if (error instanceof HostDefinitionError) return (stderr.text(`ringside sh: --host ${error.message}\n`), WRONG_USE);
    if (error instanceof HostError) return (stderr.text(`ringside sh: ${error.message}\n`), 1);
    if (error instanceof BootError) return (stderr.text(`ringside sh: ${error.message}\n`), NOT_BOOTED);
    if (!(error instanceof WrongUse)) throw error;
    stderr.text(`ringside sh: ${error.message}\n`);
    return WRONG_USE;
  } finally {
    network?.close();
    state?.close();
  }
}

/** Pairs as --file has them. @throws WrongUse */
export async function putFiles(fs: KeptFiles, pairs: readonly string[]): Promise<void> {
  for (const pair of pairs) {
    const at = pair.lastIndexOf(':');
    if (at < 1 || pair[at + 1] !== '/')
      throw new WrongUse(`--file ${pair}: write SOURCE:PATH, with a PATH that begins with /.`);
    try {
      await putFile(fs, pair.slice(0, at), pair.slice(at + 1));
    } catch (error) {
      throw new WrongUse(`--file ${pair}: ${(error as Error).message}`);
    }
  }
}

/** A file of this machine, or a folder with all that is in it. @throws Error of either side */
async function putFile(fs: KeptFiles, source: string, path: string): Promise<void> {
  if (!statSync(source).isDirectory()) return fs.writeFile(path, fileBytes(source));
  await fs.mkdir(path, { recursive: true });
  for (const name of readdirSync(source)) await putFile(fs, join(source, name), `${path.replace(/\/$/, '')}/${name}`);
}
