/**
 * What administrators ask of a system about its services, its mounts and its sockets: systemctl, mount, umount, ss and netstat. Domain 0 has neither systemd
 * nor Linux's file systems nor TCP: they report what there is in their place, and say what there is not. Sources: systemctl(1) of systemd 252 for words
 * and statuses; mount(8) of util-linux 2.38 for its status.
 */
import { timeOf, type Uses } from '../toolstack/index.ts';
import { failed, type Program, type Ran, succeeded } from '../toolstack/programs/index.ts';

/** systemctl(1): a unit is not active; there is no such unit. EXIT_NOTINSTALLED of systemd.exec(5): there is none to start or stop. */
const NOT_ACTIVE = 3,
  NO_UNIT = 4,
  NOT_INSTALLED = 5;

/** Under Debian's and Xen's names of the daemons that do the same: all begin and end with Domain 0. */
const UNITS: Readonly<Record<string, string>> = {
  xenstored: 'The Xen xenstore',
  xenconsoled: 'Xenconsoled - handles logging from guest consoles and hypervisor',
  xendomains: 'Xendomains - start and stop guests on boot and shutdown',
};
/** Behind a sentence about a unit that there is not: what there is in its place. */
const INSTEAD: Readonly<Record<string, string>> = {
  libvirtd: ' virsh acts on the toolstack itself, and needs no libvirtd.',
};

const isUnit = (name: string): boolean => Object.hasOwn(UNITS, name);
const insteadOf = (name: string): string => (Object.hasOwn(INSTEAD, name) ? INSTEAD[name]! : '');

const systemctl = (host: Uses<'clock'>): Program => ({
  name: 'systemctl',
  summary: 'whether xenstored, xenconsoled and xendomains run: status, is-active, list-units',
  run: async words => {
    const [verb = 'list-units', ...named] = words.filter(word => !word.startsWith('-'));
    const units = named.map(word => word.replace(/\.service$/, ''));
    if (verb === 'is-active') {
      if (units.length === 0) return failed('Too few arguments.');
      return {
        ...succeeded(units.map(unit => (isUnit(unit) ? 'active\n' : 'inactive\n')).join('')),
        status: units.some(isUnit) ? 0 : NOT_ACTIVE,
      };
    }
    if (verb === 'status')
      return units.length > 0
        ? statusOf(units, host.clock.startedEpochMs)
        : succeeded(`● ringside\n    State: running\n    Units: ${Object.keys(UNITS).length} loaded\n`);
    if (verb === 'is-system-running') return succeeded('running\n');
    if (verb === 'list-units' || verb === 'list-unit-files')
      return succeeded(
        `  ${'UNIT'.padEnd(20)}LOAD   ACTIVE SUB     DESCRIPTION\n${Object.entries(UNITS)
          .map(([name, about]) => `  ${`${name}.service`.padEnd(20)}loaded active running ${about}\n`)
          .join('')}\n${Object.keys(UNITS).length} loaded units listed.\n`,
      );
    const [unit] = units;
    if (['start', 'stop', 'restart', 'reload', 'enable', 'disable', 'mask', 'kill'].includes(verb)) {
      if (unit === undefined) return failed('Too few arguments.');
      if (!isUnit(unit))
        return failed(
          `Failed to ${verb} ${unit}.service: Unit ${unit}.service not found.${insteadOf(unit)}`,
          NOT_INSTALLED,
        );
      return failed(
        `Failed to ${verb} ${unit}.service: it is a part of Domain 0, which begins and ends with it. reboot starts the host again.`,
      );
    }
    return failed(`Unknown command verb ${verb}.`);
  },
  complete: words => (words.length === 1 ? ['status', 'is-active', 'list-units'] : Object.keys(UNITS)),
});

function statusOf(units: readonly string[], startedEpochMs: number): Ran {
  const since = timeOf(startedEpochMs);
  const known = units.filter(isUnit),
    others = units.filter(unit => !isUnit(unit));
  return {
    stdout: known
      .map(
        unit =>
          `● ${unit}.service - ${UNITS[unit]}\n     Loaded: loaded (a part of Domain 0)\n     Active: active (running) since ${since} UTC\n`,
      )
      .join('\n'),
    stderr: others.map(unit => `Unit ${unit}.service could not be found.${insteadOf(unit)}\n`).join(''),
    status: others.length > 0 ? NO_UNIT : 0,
  };
}

/** mount(8): the mount failed. */
const MOUNT_FAILED = 32;

const mount = (host: Uses<'disk'>): Program => ({
  name: 'mount',
  summary: 'where Domain 0 has its files from',
  run: async words => {
    const places = words.filter(word => !word.startsWith('-'));
    if (places.length > 0)
      return failed(
        `mount: ${places.at(-1)}: Domain 0 reads no file systems of guests. xl transfer ls and cp go through a disk that a guest has, files:PATH gives one files.`,
        MOUNT_FAILED,
      );
    const storage = await host.disk.openDevices();
    return succeeded(
      [
        'domain0 on / type journal (rw)',
        ...['/dev', '/proc', '/tmp'].map(place => `memory on ${place} type memory (rw)`),
        ...(storage ? ['/dev/vg0 on /var/lib/xen/images type volumes (rw)'] : []),
        '',
      ].join('\n'),
    );
  },
});

const umount: Program = {
  name: 'umount',
  summary: 'nothing can be taken away: see mount',
  run: async words => {
    const [place] = words.filter(word => !word.startsWith('-'));
    return place === undefined
      ? failed("umount: bad usage\nTry 'umount --help' for more information.", 1)
      : failed(`umount: ${place}: what mount lists stays as long as Domain 0.`, MOUNT_FAILED);
  },
};

/** Domain 0's own station knows ARP and ICMP's echo (host/network/own-station.ts). */
const sockets = (name: string): Program => ({
  name,
  summary: 'Domain 0 has no sockets: ip -s link and tcpdump show what passes its bridge',
  run: async () =>
    failed(
      `${name}: Domain 0 listens on no port: its station on the bridge answers ARP and ping alone. ip -s link counts what passes, brctl showmacs tells who is where, tcpdump -w keeps it.`,
    ),
});

export const servicePrograms = (host: Uses<'clock' | 'disk'>): Program[] => [
  systemctl(host),
  mount(host),
  umount,
  sockets('ss'),
  sockets('netstat'),
];
