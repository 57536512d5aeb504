/** `ringside sh`: a host with Domain 0's shell, at this terminal or for one line. */
import { readFileSync } from 'node:fs';
import { availableParallelism, totalmem } from 'node:os';
import { parseArgs } from 'node:util';
import { createHost, describeHost, fittedHost, type HostDefinition, HostDefinitionError, type HostState, inTurns, inWorkers, openHostState, readHost, type StartedXen, startXen } from '../../dom0/index.ts';
import type { KeptFiles } from '../../dom0/files/index.ts';
import { Bash, login, shellParts } from '../../dom0/shell/index.ts';
import { MemoryStore } from '../../dom0/storage/index.ts';
import { functionOrScript } from '../../hypervisor/worker/index.ts';
import { openFile } from '../boot/image-file.ts';
import { fetchedFirmware } from '../boot/disks.ts';
import { Output } from '../boot/terminal.ts';
import { JIT_THRESHOLD_ABOUT, jitThresholdOf, NO_JIT_ABOUT } from '../jit-options.ts';
import { later, sharedMs, soon } from '../node-clock.ts';
import { spawnDomainWorker } from '../node-worker.ts';
import { openState, StateError } from '../storage/state.ts';
import { VERSION } from '../version.ts';

const MIB = 2 ** 20;
const WRONG_USE = 2;
/** Of the host, where this machine has twice as much. */
const HOST_MEMORY_MIB = 1024;

export const shellHelp = (): string => `Usage: ringside sh [options]

Domain 0's shell: xl, xenstore-ls, lvs and their like, text tools, pipes.

  -c LINE               run a line; its status is the last command's
  --state DIR           keep files and volumes in DIR (without it they live in memory, and are gone with the host)
  --file SOURCE:PATH    put a file of this machine at a path of Domain 0 (also several times)
  --host WORDS          what the host has, as in pcpus=2,memory=512,vt=off,disk=20GB (without it ${describeHost(hostHere())};
                        vt=off: a standard computer, for paravirtual guests alone; a disk keeps the size of its first start)
  --host-memory MIB     the same as --host memory=MIB
  --pcpus N             the same as --host pcpus=N
  --xen TEXT            Xen's command line: dom0_mem=SIZE, sched=credit or rr, loglvl=LEVEL, hvm_fep, cpuid=no-vmx …
  --no-jit              ${NO_JIT_ABOUT}
  --jit-threshold N     ${JIT_THRESHOLD_ABOUT}

For example: ringside sh --file vm.cfg:/etc/xen/vm/vm --file vmlinuz:/boot/vmlinuz -c 'xl create /etc/xen/vm/vm; xl list'
`;

class WrongUse extends Error {}

function parse(argv: string[]) {
  try {
    const { values } = parseArgs({
      args: argv,
      options: { c: { type: 'string', short: 'c' }, state: { type: 'string' }, file: { type: 'string', multiple: true }, host: { type: 'string' }, 'host-memory': { type: 'string' }, pcpus: { type: 'string' }, xen: { type: 'string' }, 'no-jit': { type: 'boolean' }, 'jit-threshold': { type: 'string' }, help: { type: 'boolean', short: 'h' } },
    });
    return { ...values, jitThreshold: jitThresholdOf(values['no-jit'] ?? false, values['jit-threshold']) };
  } catch (error) {
    throw new WrongUse((error as Error).message);
  }
}

/** As this machine suggests it. */
const hostHere = (): HostDefinition => fittedHost({ processors: availableParallelism(), fittingMiB: Math.min(HOST_MEMORY_MIB, Math.floor(totalmem() / 2 / MIB)) });

/** A host on this machine: with several processors each domain has a thread of its own. */
function makeHost(xen: StartedXen, { storage }: HostState, files: KeptFiles, jitThreshold: number | undefined) {
  const { memoryMiB, pcpus } = xen.host;
  const hostMs = sharedMs;
  const host = createHost({
    version: VERSION,
    memory: new SharedArrayBuffer(memoryMiB * MIB),
    runners: pcpus > 1 ? inWorkers({ spawn: () => spawnDomainWorker(), later, hostMs }) : inTurns({ soon, later, hostMs, openMedium: openFile, compile: functionOrScript }),
    soon,
    later,
    hostMs,
    xen,
    ...(jitThreshold === undefined ? {} : { jitThreshold }),
    epochMs: () => Date.now(),
    seed: Math.floor(Math.random() * 2 ** 32),
    openMedium: openFile,
    files,
    storage: async () => storage,
    readsWhole: true,
    buriesStopped: true,
    fetchBytes: async part => {
      const { image, vgaBios } = fetchedFirmware();
      return part === 'bios' ? image : (vgaBios ?? new Uint8Array());
    },
  });
  void host.offerFirmware({ bios: { name: 'SeaBIOS', url: 'bios' }, vgaBios: { name: 'its VGA BIOS', url: 'vgabios' } });
  return host;
}

export async function shell(argv: string[]): Promise<number> {
  const stdout = new Output(1), stderr = new Output(2);
  let state: HostState | undefined;
  try {
    const options = parse(argv);
    if (options.help) return stdout.text(shellHelp()), 0;
    const words = [options.host, options['host-memory'] && `memory=${options['host-memory']}`, options.pcpus && `pcpus=${options.pcpus}`];
    const definition = { ...hostHere(), ...readHost(words.filter(Boolean).join(' ')) };
    state = await openAll(options.state, definition);
    const fs = await state.files();
    for (const pair of options.file ?? []) {
      const at = pair.lastIndexOf(':');
      if (at < 1 || pair[at + 1] !== '/') throw new WrongUse(`--file ${pair}: write SOURCE:PATH, with a PATH that begins with /.`);
      try {
        await fs.writeFile(pair.slice(at + 1), readFileSync(pair.slice(0, at)));
      } catch (error) {
        throw new WrongUse(`--file ${pair}: ${(error as Error).message}`);
      }
    }
    const host = makeHost(startXen(definition, options.xen ?? '', VERSION), state, fs, options.jitThreshold);
    await host.startAutomatic();
    const parts = await shellParts(host, state, ms => new Promise<void>(resolve => void later(ms, resolve)));
    if (options.c !== undefined) {
      const ran = await new Bash(parts).run(options.c);
      stdout.text(ran?.stdout ?? '');
      stderr.text(ran?.stderr ?? 'bash: -c: the line is not whole: a quote, bracket or keyword has no end.\n');
      return ran?.status ?? WRONG_USE;
    }
    return await interact(parts, stdout, options.state);
  } catch (error) {
    if (error instanceof StateError) return stderr.text(`ringside sh: ${error.message}\n`), 1;
    if (error instanceof HostDefinitionError) return stderr.text(`ringside sh: --host ${error.message}\n`), WRONG_USE;
    if (!(error instanceof WrongUse)) throw error;
    stderr.text(`ringside sh: ${error.message}\n`);
    return WRONG_USE;
  } finally {
    state?.close();
  }
}

/** In a directory, or in memory. @throws StateError */
async function openAll(directory: string | undefined, { diskBytes }: HostDefinition): Promise<HostState> {
  if (directory !== undefined) return openState(directory, diskBytes);
  return openHostState(new MemoryStore(), { diskBytes, epochMs: () => Date.now(), random: below => Math.floor(Math.random() * below), later });
}

/** A session at this terminal; what comes through a pipe is run line by line. */
async function interact(parts: ConstructorParameters<typeof Bash>[0], stdout: Output, kept: string | undefined): Promise<number> {
  const memory = kept === undefined ? 'Files and volumes live in memory and are gone with the host: --state DIR keeps them.\n' : '';
  const { stdin } = process;
  const columns = (): number => process.stdout.columns ?? 80, rows = (): number => process.stdout.rows ?? 24;
  const terminal = { write: (text: string) => stdout.text(text), get columns() { return columns(); }, get rows() { return rows(); } };
  const session = await login(parts, terminal, VERSION, memory);
  if (stdin.isTTY) stdin.setRawMode(true);
  stdin.setEncoding('utf8');
  stdin.on('data', text => session.input(String(text)));
  stdin.on('end', () => session.input('\x04'));
  process.stdout.on('resize', () => session.resized());
  try {
    return await session.over;
  } finally {
    if (stdin.isTTY) stdin.setRawMode(false);
    stdin.pause();
  }
}
