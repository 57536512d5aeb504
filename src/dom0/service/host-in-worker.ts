/** What Domain 0's two workers share: the host behind comlink, with the clocks and timers of this browser. */
import { part } from '../../formats/loading/index.ts';
import { poolOfPage, shell as shellPart, virtualTime as timePart, wholeState } from './parts.ts';
import { commands, domain0Log } from '../toolstack/index.ts';
import './atomics.ts';
import * as Comlink from 'comlink';
import { version } from '../../../package.json' with { type: 'json' };
import { apiOf, type HostApi } from './api.ts';
import type { BrowserState } from '../host/state/index.ts';
import { openBlob, readBlobHere } from '../../hypervisor/index.ts';
import { GRUB_CONFIG_PATH, installedGrubConfig, type PageBoot } from '../toolstack/boot/menu/index.ts';
import {
  fittedHost,
  HOST_SETTINGS,
  type HostDefinition,
  keptHostWords,
  readXenOptions,
  settledHost,
  startHypervisor,
  stopGuests,
} from '../toolstack/boot/index.ts';
import { fetchKept, keepDownload } from '../host/downloads/index.ts';
import { filesFrom, type ShippedGuest } from '../host/files/index.ts';
import type { FirstHost, Host, HostParts } from './host.ts';
import { addCommands, hostWith } from './host-with.ts';
import { shippedGuests } from './shipped-guests.ts';
import type { BashParts, PortSession, Power, PowerState } from '../shell/index.ts';
import { hasOpfs, type OpenStore } from '../host/storage/index.ts';
import { GUEST_COMMANDS } from '../toolstack/index.ts';
import type { COMMANDS } from '../toolstack/commands/index.ts';
import { later, makeSoon, sharedMs } from '../../hypervisor/worker/index.ts';
import type { Pace, Runners, RunnersHost } from '../toolstack/runners/index.ts';
import { VIRTUAL_EPOCH_MS } from './virtual-epoch.ts';

const MIB = 2 ** 20;
/** Between a host that is down and its end. */
const LAST_WORDS_MS = 100;
/** The files' tree is larger than all of Domain 0: where nobody else wants it, the log does so late. */
const LOGS_AFTER_MS = 10_000;

/** As this device suggests it: of memory, half of what it says that it has. */
const hostHere = (shared: boolean): HostDefinition => {
  const gib = (navigator as { deviceMemory?: number }).deviceMemory ?? 4;
  return fittedHost({ processors: shared ? (navigator.hardwareConcurrency ?? 2) : 1, fittingMiB: gib * 512 });
};

/** Machine memory: as much as asked, or the most that the browser lets us have. */
function makeMemory(shared: boolean, mostMiB: number): SharedArrayBuffer | ArrayBuffer {
  for (const mib of [mostMiB, ...[1024, 512, 256, 128].filter(less => less < mostMiB)]) {
    try {
      return shared ? new SharedArrayBuffer(mib * MIB) : new ArrayBuffer(mib * MIB);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
    }
  }
  throw new Error(
    `This browser does not give ${Math.min(mostMiB, 128)} MiB of memory to a page. Close other tabs and load it again.`,
  );
}

/** Web Locks are of all pages of a site: a name of this host's own. */
export const newLockPrefix = (): string =>
  `ringside-${Math.random().toString(36).slice(2)}${Math.random().toString(36).slice(2)}`;

export const openMedium = openBlob(readBlobHere);
export const soon = makeSoon();

/** @throws Error: a sentence */
async function fetchBytes(url: string): Promise<Uint8Array> {
  const answer = await fetchKept(url);
  if (!answer.ok) throw new Error(`the server answered ${answer.status}`);
  const data = await answer.blob();
  void keepDownload(url, data);
  return new Uint8Array(await data.arrayBuffer());
}

const browserState = part(() => import('../host/state/browser-state.ts'), 'keeps files');

/** What is loaded when it is asked for first; what could not be loaded is tried again. */
function once<T>(load: () => Promise<T>): () => Promise<T> {
  let loaded: Promise<T> | undefined;
  return () => {
    loaded ??= load();
    loaded.catch(() => {
      loaded = undefined;
    });
    return loaded;
  };
}

/**
 * The same on every device, so that a run repeats itself there. A plain PC of 256 MiB with its firmware and tables fits in next to the guests of a lesson; of what
 * nobody writes the browser takes no memory.
 */
const VIRTUAL_HOST = fittedHost({ processors: 1, fittingMiB: 512 });
const NOT_KEPT = 'In virtual time a host starts from the same state at each visit, so that a run repeats itself.';
const canShare = (): boolean =>
  typeof SharedArrayBuffer !== 'undefined' &&
  (globalThis as { crossOriginIsolated?: boolean }).crossOriginIsolated !== false;

/** The clocks of a host that is started so, what is drawn there, and where its domains run. */
async function hostTime(
  { virtualTime }: PageBoot,
  runners: (pace: Pace | undefined) => (host: RunnersHost) => Runners,
  host: () => Promise<FirstHost>,
): Promise<Pick<HostParts, 'virtual' | 'runners' | 'epochMs' | 'seed' | 'ways'>> {
  if (!virtualTime)
    return {
      runners: runners(undefined),
      epochMs: () => Date.now(),
      seed: crypto.getRandomValues(new Uint32Array(1))[0]!,
      ways: {
        webSocket: url => new WebSocket(url),
        tabs: name => new BroadcastChannel(name),
        random: count => crypto.getRandomValues(new Uint8Array(count)),
      },
    };
  const { VirtualTime } = await timePart.load();
  const virtual = new VirtualTime({ wallMs: sharedMs, soon });
  let virtualMs = (): number => 0;
  void host().then(({ toolstack }) => {
    virtualMs = () => toolstack.virtualMs;
  });
  return { virtual, runners: runners(virtual), epochMs: () => VIRTUAL_EPOCH_MS + virtualMs(), seed: virtualTime.seed };
}

async function withAllCommands(first: Promise<FirstHost>): Promise<Host> {
  const host = await first;
  const { COMMANDS, spellingsOf } = await commands.load();
  host.tasks.spellBy(spellingsOf(host.toolstack.hypervisor.kind));
  return addCommands(host, COMMANDS);
}

const poolCalls =
  (host: () => Promise<Host>): HostApi['pool'] =>
  async (what, ...given) => {
    const call = (await poolOfPage.load()).poolOf(await host())[what];
    return (call as (...given: unknown[]) => never)(...given);
  };

interface ShellParts {
  host: Promise<FirstHost>;
  wholeHost: () => Promise<Host>;
  state: () => Promise<BrowserState>;
  booted: Promise<PageBoot>;
  power: Power;
  /** Logins that are there. */
  shells: Set<PortSession>;
}

/** Domain 0's shell, for a terminal and for a program. Most visits have a guest's prompt before they want it. */
function shellCalls({ host, wholeHost, state, booted, power, shells }: ShellParts): Pick<HostApi, 'shell' | 'runLine'> {
  const sleep = (ms: number): Promise<void> => new Promise(resolve => void later(ms, resolve));
  let log: Promise<string[]> | undefined;
  const parts = async (): Promise<BashParts> => {
    const { shellParts } = await shellPart.load();
    const kept = await (await state()).get();
    await (await host).toolstack.services.network.connect();
    const { domain0Log: logOf } = await domain0Log.load();
    log ??= logOf(await host, kept, await booted);
    return shellParts(await wholeHost(), kept, sleep, power, await log);
  };
  return {
    shell: async size => {
      const { loginOverPort } = await shellPart.load();
      const login = await parts();
      const { kept, why } = await (await state()).info();
      const note = kept ? '' : `Files and volumes live in memory and are gone with this page. ${why}\n`;
      const shell = await loginOverPort(login, version, size, note);
      shells.add(shell);
      return Comlink.transfer(shell.port, [shell.port]);
    },
    runLine: async line => (await shellPart.load()).runLine(await parts(), line),
  };
}

const stateCalls = (state: () => Promise<BrowserState>): Pick<HostApi, 'state' | 'takeOver' | 'setStateAside'> => ({
  state: async () => (await state()).info(),
  takeOver: async () => (await state()).takeOver(),
  setStateAside: async () => (await state()).setAside(),
});

/**
 * Makes the host and answers the page. `runners`: `pace` where time is virtual. `shared`: domains have workers of their own. `alive`: the name of the lock that this worker holds while it lives,
 * where there are Web Locks. `openStore`: opens the browser's storage. `ready`: what is there before the host.
 */
export function serve(
  runners: (pace: Pace | undefined) => (host: RunnersHost) => Runners,
  shared: boolean,
  alive: Promise<string | undefined>,
  openStore: OpenStore,
  ready?: Promise<void>,
): void {
  const shells = new Set<PortSession>();
  let tellGrub = (_text: string, _host: string): void => {};
  let boot = (_how: PageBoot): void => {};
  const booted = new Promise<PageBoot>(resolve => {
    boot = resolve;
  });
  let isVirtual = false;
  void booted.then(({ virtualTime }) => {
    isVirtual = virtualTime !== undefined;
  });
  let startLogs = (): void => {};
  const logsAfter = new Promise<void>(resolve => {
    startLogs = resolve;
  });
  void booted.then(() => later(LOGS_AFTER_MS, startLogs));
  // A host without guests on its network has its card late.
  void logsAfter.then(async () => (await host).toolstack.services.network.connect()).catch(() => {});
  /** Guests that the page has reported before the state was there. */
  const offered: ShippedGuest[] = [];
  let stateIsWanted = false;
  const state = once(async (): Promise<BrowserState> => {
    stateIsWanted = true;
    const { BrowserState } = await browserState.load();
    return new BrowserState({
      open: async (wanted, take) => {
        const { virtualTime, keepsNothing } = await booted;
        const why = virtualTime ? NOT_KEPT : keepsNothing;
        return why === undefined ? openStore(wanted, take) : { why };
      },
      epochMs: () => (isVirtual ? VIRTUAL_EPOCH_MS : Date.now()),
      random: below => (isVirtual ? 0 : Math.floor(Math.random() * below)),
      later,
      guests: [...shippedGuests(fetchBytes, []), ...offered],
      filesOpened: (files, kept) => {
        startLogs();
        // What the page remembers is for the state that outlives it: files in memory have the installation's settings.
        if (!kept) return;
        const tell = (): void =>
          void Promise.all([installedGrubConfig(files), keptHostWords(files)]).then(
            ([text, words]) => tellGrub(text, words),
            () => {},
          );
        files.changed = path => {
          if ([GRUB_CONFIG_PATH, HOST_SETTINGS].some(file => `${file}/`.startsWith(`${path}/`))) tell();
        };
        tell();
      },
      told: async sentence => (await host).note(sentence),
      closing: async what => {
        for (const shell of shells)
          shell.end(`[ringside] The files and volumes of this host are ${what}: this shell ends.`);
        shells.clear();
        await (await host).disk.endUsersOfDisk(`Its disk is ${what}.`);
      },
    });
  });
  let stop = (_what: PowerState): void => {};
  const stopped = new Promise<PowerState>(resolve => {
    stop = resolve;
  });
  const definition = booted.then(how => settledHost(how.virtualTime ? VIRTUAL_HOST : hostHere(shared), how.host));
  const memory = Promise.all([booted, definition]).then(([how, asked]) =>
    makeMemory(shared || (how.virtualTime !== undefined && canShare()), asked.host.memoryMiB),
  );
  const host: Promise<FirstHost> = Promise.all([booted, definition, memory, ready]).then(
    async ([how, { host: asked }, bytes]) =>
      hostWith(
        {
          version,
          memory: bytes,
          ...(await hostTime(how, runners, () => host)),
          hypervisor: await startHypervisor({ ...asked, memoryMiB: bytes.byteLength / MIB }, how, version),
          ...(shared || how.virtualTime
            ? {}
            : {
                why: 'This browser or server does not allow SharedArrayBuffer, so all domains share one worker, and run slower.',
              }),
          soon,
          later,
          fetchBytes,
          openMedium,
          files: filesFrom(async () => (await state()).files),
          logsAfter,
          storage: async () => (await (await state()).get()).storage,
          stateInfo: async () => (await state()).info(),
          hostMs: sharedMs,
          buriesStopped: 'unless-crashed',
        },
        GUEST_COMMANDS,
      ),
  );
  const wholeHost = once(() => withAllCommands(host));
  const ofWholeState = once(async () => (await wholeState.load()).wholeState(await state(), host, booted, later));
  const power: Power = async (what, say) => {
    const { toolstack } = await host;
    await stopGuests(await host, say);
    toolstack.close();
    // What the shell says last comes out, and its files take it in.
    later(LAST_WORDS_MS, async () => {
      try {
        (await (await state()).get()).close();
      } finally {
        stop(what);
      }
    });
  };
  const api: Omit<HostApi, Exclude<keyof typeof COMMANDS, keyof typeof GUEST_COMMANDS>> = {
    ...apiOf(host, GUEST_COMMANDS),
    alive: async () => {
      await host;
      return alive;
    },
    view: async id => {
      const view = await (await host).consoles.view(id);
      return Comlink.transfer(view, [view.console]);
    },
    boot: async how => {
      boot(how);
      const { problem } = await definition;
      return {
        noReboot: readXenOptions(how.xenCommandLine).noReboot ?? false,
        ...(problem === undefined ? {} : { problem }),
      };
    },
    stopped: () => stopped,
    followGrub: async listener => {
      tellGrub = listener;
    },
    offerGuests: async guests => {
      const more = shippedGuests(fetchBytes, guests);
      if (stateIsWanted) await (await state()).offer(more);
      else offered.push(...more);
    },
    ...stateCalls(state),
    resume: async () => {
      if (!(await hasOpfs())) return undefined;
      const info = await (await state()).resume();
      if (info?.kept) await (await host).startAutomatic();
      return info;
    },
    exportState: async page => (await ofWholeState()).exportState(page),
    judgeState: async data => (await ofWholeState()).judgeState(data),
    importState: async (data, name) => (await ofWholeState()).importState(data, name),
    resetState: async () => (await ofWholeState()).resetState(),
    pool: poolCalls(wholeHost),
    ...shellCalls({ host, wholeHost, state, booted, power, shells }),
    readFile: async path => new Uint8Array(await (await (await host).files.readFile(path)).arrayBuffer()),
    writeFile: async (path, bytes) => (await state()).files.writeFile(path, bytes),
    startAutomatic: async () => (await host).startAutomatic(),
  };
  // All other commands are loaded when one of them is asked for.
  const command =
    (name: string) =>
    async (...given: unknown[]) =>
      ((await wholeHost()) as unknown as Record<string, (...given: unknown[]) => unknown>)[name](...given);
  Comlink.expose(
    new Proxy(api, { get: (own, name) => (name in own ? own[name as keyof typeof own] : command(String(name))) }),
  );
}
