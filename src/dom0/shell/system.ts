/** What somebody at a login asks the system itself: who and where he is, how long it is up, its memory and its network. Sources: the tools' own manual pages. */
import { systemOf } from './hypervisors/index.ts';
import { formatMac } from '../../devices/net/index.ts';
import { type CommandHost, MACHINE } from '../toolstack/index.ts';
import type { PortCounts } from '../host/network/index.ts';
import { GROUP, PE_BYTES } from '../host/storage/index.ts';
import { failed, type Program, succeeded } from '../toolstack/programs/index.ts';
import { upTime } from './up-time.ts';

export const systemPrograms = (host: CommandHost): Program[] => [
  whoami,
  hostname(host),
  uname(host),
  uptime(host),
  free(host),
  nproc(host),
  df(host),
  ip(host),
];

const whoami: Program = { name: 'whoami', summary: 'who you are', run: async () => succeeded('root\n') };

const hostname = (host: CommandHost): Program => ({
  name: 'hostname',
  summary: "the host's name",
  run: async ([name]) =>
    name === undefined
      ? succeeded(`${host.toolstack.identity.name}\n`)
      : failed(`hostname: ${name}: a host is named when it joins a pool.`),
});

/** Letters of uname(1) in the order in which -a gives them. */
const uname = (host: CommandHost): Program => ({
  name: 'uname',
  summary: 'what system this is: uname -a',
  run: async words => {
    const parts: Record<string, string> = {
      s: 'Ringside',
      n: host.toolstack.identity.name,
      r: host.parts.version,
      v: systemOf(host).version,
      m: MACHINE,
      o: 'Ringside',
    };
    const letters = words.flatMap(word => (word.startsWith('-') ? [...word.slice(1)] : [' ']));
    const wrong = letters.find(letter => letter !== 'a' && parts[letter] === undefined);
    if (wrong !== undefined) return failed(`uname: invalid option -- '${wrong}'\nUsage: uname [-asnrvmo]`);
    const wanted = letters.includes('a')
      ? Object.keys(parts)
      : letters.length === 0
        ? ['s']
        : Object.keys(parts).filter(letter => letters.includes(letter));
    return succeeded(`${wanted.map(letter => parts[letter]).join(' ')}\n`);
  },
});

/** Load averages are left out: nobody here counts who waits for Domain 0. */
const uptime = (host: CommandHost): Program => ({
  name: 'uptime',
  summary: 'how long the host is up (xl uptime: each domain)',
  run: async () => {
    const { size } = host.toolstack.members;
    return succeeded(` ${upTime(host)},  ${size} guest${size === 1 ? '' : 's'}\n`);
  },
});

const nproc = (host: CommandHost): Program => ({
  name: 'nproc',
  summary: 'processors that this system has',
  run: async () => succeeded(`${systemOf(host).processors(host)}\n`),
});

/** The volume group, which volumes and images lie in; what Domain 0's other files may take nobody here knows. */
const df = (host: CommandHost): Program => ({
  name: 'df',
  summary: "room on the host's disk, in KiB (-h: in words)",
  run: async words => {
    const storage = await host.disk.openDevices();
    if (!storage) return failed('df: this host has no disk of its own.');
    const isShort = words.some(word => /^-[a-zA-Z]*h/.test(word));
    const kib = (extents: number): number => (extents * PE_BYTES) / 1024;
    const size = kib(storage.extents),
      free = kib(storage.freeExtents);
    const text = (value: number): string =>
      isShort
        ? value < 1024
          ? `${value}K`
          : value < 2 ** 20
            ? `${(value / 1024).toFixed(0)}M`
            : `${(value / 2 ** 20).toFixed(0)}G`
        : String(value);
    const row = (...columns: string[]): string =>
      `${columns[0].padEnd(14)} ${columns
        .slice(1, 5)
        .map((column, i) => column.padStart([11, 11, 11, 4][i]))
        .join(' ')} ${columns[5]}\n`;
    const use = size === 0 ? '-' : `${Math.ceil((100 * (size - free)) / size)}%`;
    return succeeded(
      row('Filesystem', isShort ? 'Size' : '1K-blocks', 'Used', isShort ? 'Avail' : 'Available', 'Use%', 'Mounted on') +
        row(`/dev/${GROUP}`, text(size), text(size - free), text(free), use, '/var/lib/xen/images'),
    );
  },
});

const free = (host: CommandHost): Program => ({
  name: 'free',
  summary: "the machine's memory in KiB (-m: MiB)",
  run: async ([option]) => {
    if (option !== undefined && !/^-[km]$/.test(option))
      return failed(`free: invalid option ${option}\nUsage: free [-k|-m]`);
    const { frames, freeFrames } = host.machine;
    const column = (count: number): string => String(option === '-m' ? count >>> 8 : count * 4).padStart(12);
    return succeeded(
      `${' '.repeat(8)}${['total', 'used', 'free'].map(title => title.padStart(12)).join('')}\nMem:    ${column(frames)}${column(frames - freeFrames)}${column(freeFrames)}\n`,
    );
  },
});

/** Statuses of ip(8): the kernel refused, and there is no such object. */
const KERNEL_REFUSED = 2,
  UNKNOWN_OBJECT = 255;

/** The card has a station address, which the bridge takes on; the other ends of guests' cards have none. */
const ip = (host: CommandHost): Program => ({
  name: 'ip',
  summary: 'the bridge and its ports, with what passed them: ip -s link [show DEVICE]',
  run: async words => {
    const [object = 'link', verb = 'show', ...rest] = words.filter(word => !word.startsWith('-'));
    if (!['link', 'address'].some(each => each.startsWith(object)))
      return failed(`Object "${object}" is unknown, try "ip link".`, UNKNOWN_OBJECT);
    const { bridge, mac } = host.toolstack.services.network;
    if (!['show', 'list', 'lst'].some(each => each.startsWith(verb)))
      return failed(
        `RTNETLINK answers: Operation not supported\nip shows links here, and changes none: a guest's card comes with xl network-attach and goes with xl network-detach.`,
        KERNEL_REFUSED,
      );
    const only = rest[0] === 'dev' ? rest[1] : rest[0];
    if (only !== undefined && only !== bridge.name && !bridge.list().some(({ name }) => name === only))
      return failed(`Device "${only}" does not exist.`);
    const station = `    link/ether ${formatMac(mac)} brd ff:ff:ff:ff:ff:ff\n`;
    const head = (index: number, name: string, rest: string): string =>
      `${index}: ${name}: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 ${rest}state UP\n`;
    const counted = ({ rxBytes, rxPackets, rxDropped, txBytes, txPackets, txDropped }: Readonly<PortCounts>): string =>
      words.includes('-s')
        ? [
            ['RX', rxBytes, rxPackets, rxDropped],
            ['TX', txBytes, txPackets, txDropped],
          ]
            .map(
              ([way, bytes, packets, dropped]) =>
                `    ${way}: ${['bytes', 'packets', 'dropped'].map(title => title.padStart(12)).join('')}\n${' '.repeat(7)}${[bytes, packets, dropped].map(value => String(value).padStart(12)).join('')}\n`,
            )
            .join('')
        : '';
    const ports = bridge.list();
    const rows = [
      { name: bridge.name, text: head(1, bridge.name, '') + station },
      ...ports.map(({ name, counts }, i) => ({
        name,
        text: head(i + 2, name, `master ${bridge.name} `) + (i === 0 ? station : '') + counted(counts),
      })),
    ];
    return succeeded(
      rows
        .filter(({ name }) => only === undefined || name === only)
        .map(({ text }) => text)
        .join(''),
    );
  },
});
