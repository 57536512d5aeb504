/** A host in node: for the command line, and for programs that use the package. */
import { availableParallelism, totalmem } from 'node:os';
import {
  bootRefusal,
  bootWithout,
  BootMenu,
  createHost,
  domain0Log,
  fittedHost,
  type HostBoot,
  type HostDefinition,
  type HostState,
  installedGrubConfig,
  inTurns,
  inWorkers,
  keptHostWords,
  openHostState,
  readGrubConfig,
  readKeptHost,
  type StartedHypervisor,
  startHypervisor,
  stopGuests,
} from '../dom0/service/index.ts';
import { NIC_MODELS, type NicModel, type PeerOptions, romOf } from '../devices/index.ts';
import { membershipOf } from '../dom0/pool/index.ts';
import { type AllowedFiles, filesBeside, type KeptFiles } from '../dom0/host/files/index.ts';
import { MemoryStore } from '../dom0/host/storage/index.ts';
import type { ConsoleService } from '../dom0/toolstack/index.ts';
import { functionOrScript } from '../hypervisor/worker/index.ts';
import { fetchedFirmware, fetchedRom, isSeaBiosHere, ownFirmware } from './boot/disks.ts';
import { openFile } from './boot/image-file.ts';
import { later, nodeState, sharedMs, soon, upClock } from './node-clock.ts';
import { spawnDomainWorker } from './node-worker.ts';
import { listenAtFreePort, RfbServer, screenOf } from './rfb/index.ts';
import { nodeSockets } from './sockets.ts';
import { shippedGuests } from './shell/shipped.ts';
import { openState } from './storage/state.ts';
import { nodeWays } from './ways.ts';
import { VERSION } from './version.ts';

const MIB = 2 ** 20;
/** Of the host, where this machine has twice as much. */
const HOST_MEMORY_MIB = 1024;

/** As this machine suggests it. */
export const hostHere = (): HostDefinition =>
  fittedHost({
    processors: availableParallelism(),
    fittingMiB: Math.min(HOST_MEMORY_MIB, Math.floor(totalmem() / 2 / MIB)),
  });

/** Files and disk in a directory, or in memory; `folder`: where the bundles of workers lie (next to the program). @throws StateError */
export async function openNodeState(
  directory: string | undefined,
  { diskBytes, pcpus }: HostDefinition,
  folder?: string,
): Promise<HostState> {
  const guests = shippedGuests();
  if (directory !== undefined) return openState(directory, { diskBytes, guests, inWorker: pcpus > 1, folder });
  return openHostState(new MemoryStore(), { diskBytes, guests, ...nodeState });
}

/** As grub.cfg has it now. */
export async function bootMenu(state: HostState, wanted?: string): Promise<BootMenu> {
  const config = readGrubConfig(await installedGrubConfig(await state.files()));
  return new BootMenu({ config, nowMs: sharedMs, refuses: bootRefusal, ...(wanted === undefined ? {} : { wanted }) });
}

/** An entry, or the menu's default, without showing the menu. @throws BootError */
export const bootAtOnce = async (state: HostState, wanted?: string): Promise<HostBoot> =>
  bootWithout(await bootMenu(state, wanted));

export interface NodeHostParts {
  state: HostState;
  definition: HostDefinition;
  /** Of it what was asked for: it counts more than the settings that the host keeps. */
  asked?: Partial<HostDefinition> | undefined;
  /** Of the processors' second tier; undefined: as it is. */
  jitThreshold?: number | undefined;
  /** Where the bundles of workers lie; absent: next to the program. */
  folder?: string | undefined;
  /** What is on the wire of the host's card. */
  peer?: PeerOptions | undefined;
  /** Files of this machine that it may have. */
  allowed?: AllowedFiles | undefined;
  /** What the host was to remember cannot be read. */
  say: (sentence: string) => void;
}

export type NodeHost = ReturnType<typeof makeHost>;

/** The host and its hypervisor have started; guests that start with them have not. */
export async function startNodeHost(parts: NodeHostParts, boot: HostBoot): Promise<{ host: NodeHost; log: string[] }> {
  const { state, definition, asked, say } = parts;
  const files = await state.files();
  const kept = readKeptHost(await keptHostWords(files));
  if (kept.problem) say(kept.problem);
  const hypervisor = await startHypervisor({ ...definition, ...kept.host, ...asked }, boot, VERSION);
  const host = makeHost(hypervisor, files, parts);
  return { host, log: await domain0Log(host, state, boot) };
}

/** Its guests are shut down, and it leaves its pool. */
export async function stopNodeHost(host: NodeHost, say: (line: string) => void): Promise<void> {
  await stopGuests(host, say);
  if (membershipOf(host).joined) await membershipOf(host).leave();
  host.toolstack.close();
  say('The host is down.');
}

export const sleep = (ms: number): Promise<void> => new Promise(resolve => void later(ms, resolve));

type ScreenParts = Parameters<NonNullable<ConsoleService['serveScreen']>>;

/** Who looks at a domain's screen, however each of them has come there. */
const viewers = new WeakMap<ScreenParts[1], RfbServer>();

function viewersOf(...[toolstack, member]: ScreenParts): RfbServer {
  let found = viewers.get(member);
  if (!found) {
    const now = (): ScreenParts[1] | undefined => toolstack.members.get(member.record.id);
    found = new RfbServer(screenOf(toolstack, { name: member.name, epochMs: Date.now }, now));
    viewers.set(member, found);
  }
  return found;
}

/** A host on this machine: with several processors each domain has a thread of its own. */
function makeHost(hypervisor: StartedHypervisor, files: KeptFiles, parts: NodeHostParts) {
  const {
    state: { storage },
    jitThreshold,
    folder,
    peer,
    allowed,
  } = parts;
  const { memoryMiB, pcpus } = hypervisor.host;
  const hostMs = sharedMs;
  /** iPXE for each card that has a place for it, where it was fetched. */
  const roms = new Map(
    (Object.keys(NIC_MODELS) as NicModel[])
      .map(model => [romOf(model) ?? '', fetchedRom(model)] as const)
      .filter((pair): pair is [string, Uint8Array] => typeof pair[1] !== 'string'),
  );
  const host = createHost({
    version: VERSION,
    memory: new SharedArrayBuffer(memoryMiB * MIB),
    runners:
      pcpus > 1
        ? inWorkers({ spawn: () => spawnDomainWorker(folder), later, hostMs })
        : inTurns({ soon, later, hostMs, openMedium: openFile, compile: functionOrScript }),
    soon,
    later,
    hostMs,
    hypervisor,
    ...(jitThreshold === undefined ? {} : { jitThreshold }),
    ...(peer ? { peer } : {}),
    epochMs: () => Date.now(),
    upMs: upClock(),
    seed: Math.floor(Math.random() * 2 ** 32),
    openMedium: openFile,
    sockets: nodeSockets,
    serveScreen: (toolstack, member, asked) => listenAtFreePort(viewersOf(toolstack, member), asked),
    showScreenTo: (toolstack, member, channel, isTrusted) => {
      const viewers = viewersOf(toolstack, member);
      member.whenOver.add(viewers.endAll);
      viewers.serve(channel, isTrusted);
    },
    ways: nodeWays,
    files: allowed ? filesBeside(files, allowed) : files,
    allowed,
    storage: async () => storage,
    readsWhole: true,
    buriesStopped: true,
    fetchBytes: async part => {
      if (part === 'own') return ownFirmware().image;
      const rom = roms.get(part);
      if (rom) return rom;
      const { image, vgaBios } = fetchedFirmware();
      return part === 'bios' ? image : (vgaBios ?? new Uint8Array());
    },
  });
  const seabios = { bios: { name: 'SeaBIOS', url: 'bios' }, vgaBios: { name: 'its VGA BIOS', url: 'vgabios' } };
  void host.files.offerFirmware({
    own: { name: 'bios.bin', url: 'own' },
    ...(isSeaBiosHere() ? { seabios } : {}),
    roms: [...roms.keys()].map(name => ({ name, url: name })),
  });
  return host;
}
