/**
 * The host's boot in the page: which entry of its menu is started. The address says: `?boot=ENTRY` (a number, a title or an id) boots that at once, `?boot=menu`
 * shows the menu; without it the menu is shown with its countdown at the first visit, and later visits boot the default at once, unless somebody wrote another
 * timeout into grub.cfg: that counts at every visit. `?host=` has words of the
 * host's definition, which count more than those that xl host-set keeps, `?xen=` Xen's command line in place of the entry's. `?time=virtual` starts a host in
 * virtual time, `?seed=` says from what it draws.
 * The menu is shown after a reboot from the shell, too, and where an entry starts nothing.
 */
import { signal } from '@preact/signals';
import {
  BootMenu,
  bootRefusal,
  defaultGrubConfig,
  hostBootOf,
  type MenuChoice,
  type PageBoot,
  readGrubConfig,
} from '../dom0/toolstack/boot/menu/index.ts';

/** The menu while it is shown; 'off': the host is switched off. */
export const bootMenu = signal<BootMenu | 'off' | undefined>(undefined);
/** False: its screen is still to be loaded (main.tsx). Pages without one do not wait for it. */
export const bootMenuShown = signal(true);
/** Counts what has changed in it. */
export const bootMenuChanges = signal(0);

/** The host's grub.cfg and its settings, as Domain 0 had them last: its disk is opened later than the menu is wanted. */
const GRUB_KEY = 'ringside-grub.cfg',
  HOST_KEY = 'ringside-host';
/** This browser has seen the menu. */
const SEEN_KEY = 'ringside-menu-seen';
const TICK_MS = 100;
/** This many frames later what was built is on the screen. */
const PAINTED_FRAMES = 2;
/** The installation's countdown: a visitor who leaves it passes it at the first visit, and does not see it later. */
const USUAL_TIMEOUT_S = readGrubConfig(defaultGrubConfig()).timeoutS;

export function rememberGrub(text: string, host: string): void {
  try {
    localStorage.setItem(GRUB_KEY, text);
    localStorage.setItem(HOST_KEY, host);
  } catch {
    // A browser that keeps nothing has the installation's.
  }
}

function remembered(key: string, otherwise: string): string {
  try {
    return localStorage.getItem(key) ?? otherwise;
  } catch {
    return otherwise;
  }
}

/** Whether this is the first visit; asked once. A browser that keeps nothing has had it. */
function firstVisit(): boolean {
  try {
    const seen = localStorage.getItem(SEEN_KEY) !== null;
    localStorage.setItem(SEEN_KEY, 'yes');
    return !seen;
  } catch {
    return false;
  }
}

/** Seconds that the menu waits at a first visit: a person has not read its entries yet. */
const FIRST_TIMEOUT_S = 8;

/** Somebody has said in grub.cfg how long the menu is to be shown. */
const ownTimeout = (): boolean =>
  readGrubConfig(remembered(GRUB_KEY, defaultGrubConfig())).timeoutS !== USUAL_TIMEOUT_S;

/** What the host is to be started with. `again`: after a reboot. */
export async function chooseBoot(again: boolean): Promise<PageBoot> {
  const address = new URLSearchParams(location.search);
  const virtualTime = inVirtualTime() ? { seed: seedOf(address.get('seed') ?? '') } : undefined;
  const isFirst = !again && address.get('boot') === null && !virtualTime && firstVisit();
  // A run that repeats itself starts the same way at each visit.
  const wanted = again ? 'menu' : (address.get('boot') ?? (!virtualTime && (isFirst || ownTimeout()) ? 'menu' : null));
  const config = () => readGrubConfig(virtualTime ? defaultGrubConfig() : remembered(GRUB_KEY, defaultGrubConfig()));
  const make = (): BootMenu =>
    new BootMenu({
      config: isFirst && !ownTimeout() ? { ...config(), timeoutS: FIRST_TIMEOUT_S } : config(),
      nowMs: () => performance.now(),
      refuses: bootRefusal,
      ...(wanted === null || wanted === 'menu' ? {} : { wanted }),
    });
  let choice: MenuChoice;
  for (let menu = make(); ; menu = make()) {
    if (wanted !== 'menu' && menu.mode.kind !== 'message') menu.take();
    choice = menu.choice ?? (await shown(menu));
    if (choice.kind === 'boot') break;
    if (choice.kind === 'halt') await switchedOn();
  }
  const { hypervisor, xenCommandLine, dom0CommandLine } = hostBootOf(choice)!;
  const host = { kept: virtualTime ? '' : remembered(HOST_KEY, ''), asked: address.get('host') ?? '' };
  return {
    hypervisor,
    xenCommandLine: (again ? null : address.get('xen')) ?? xenCommandLine,
    dom0CommandLine,
    host,
    ...(virtualTime ? { virtualTime } : {}),
  };
}

/** The address asks for a host in virtual time. */
export const inVirtualTime = (): boolean => new URLSearchParams(location.search).get('time') === 'virtual';

/** A seed as somebody writes it, any word, as the number that is drawn with. */
export const seedOf = (text: string): number =>
  [...text].reduce((sum, character) => (Math.imul(sum, 31) + character.codePointAt(0)!) >>> 0, 0);

/** Shows it until something was chosen. */
function shown(menu: BootMenu): Promise<MenuChoice> {
  bootMenu.value = menu;
  return new Promise(resolve => {
    const look = (): void => {
      menu.tick();
      bootMenuChanges.value++;
      if (!menu.choice) return;
      clearInterval(timer);
      stop();
      bootMenu.value = undefined;
      resolve(menu.choice);
    };
    // The screen is loaded, the page is built and painted first: what passes meanwhile is none of the countdown's time. A page that nobody sees is not painted.
    let frames = document.hidden ? 0 : PAINTED_FRAMES;
    const painted = (): void => {
      menu.seen();
      if (!bootMenuShown.peek() || frames-- > 0) requestAnimationFrame(painted);
    };
    painted();
    const timer = setInterval(look, TICK_MS);
    const stop = bootMenuPressed.subscribe(() => menu.choice && look());
  });
}

/** Counts keys. */
export const bootMenuPressed = signal(0);

/** Resolves when somebody switches the host on. */
export function switchedOn(): Promise<void> {
  bootMenu.value = 'off';
  const before = bootMenuPressed.peek();
  return new Promise(resolve => {
    const stop = bootMenuPressed.subscribe(count => {
      if (count === before) return;
      bootMenu.value = undefined;
      queueMicrotask(() => stop());
      resolve();
    });
  });
}
