/** Pools and volumes. Source: tools/virsh-pool.c and virsh-volume.c of libvirt 9. */
import { escapedXml } from '../../definitions/config/index.ts';
import type { CommandHost, Uses } from '../../toolstack/index.ts';
import * as libvirt from '../index.ts';
import { keptCommands } from './kept.ts';
import {
  allNeeded,
  attribute,
  capacityText,
  definitionIn,
  labelled,
  needed,
  numeric,
  saying,
  scaled,
  table,
  type VirshCommand,
  VirshError,
} from './virsh-command.ts';

const bytesOf = (text: string): number => scaled(text, 1, wrong => `Malformed size ${wrong}`);

const {
  find: poolOf,
  deed,
  autostart,
} = keptCommands({
  what: 'pool',
  byName: libvirt.poolByName,
  byUuid: libvirt.poolByUuid,
  setAutostart: libvirt.setPoolAutostart,
  called: word => word,
});

/** By its name in a pool, or by its path or key. */
async function volumeOf(
  host: CommandHost,
  word: string | undefined,
  pool: string | undefined,
): Promise<libvirt.Volume> {
  const name = needed(word, 'vol');
  const within = pool === undefined ? undefined : libvirt.activePool(await poolOf(host, pool));
  const byName = within && (await libvirt.volumeByName(host, within, name).catch(() => undefined));
  return (
    byName ??
    saying(`failed to get vol '${name}'${within ? '' : ', specifying --pool might help'}`, () =>
      libvirt.volumeByPath(host, name),
    )
  );
}

const onPool = (
  name: string,
  verb: string,
  done: string,
  act: (host: CommandHost, pool: libvirt.PoolEntry) => Promise<unknown>,
): [string, VirshCommand] => [name, deed(name, `${verb} a pool`, { verb, done }, act)];

const POOL_COLUMNS = ['Name', 'State', 'Autostart', 'Persistent', 'Capacity', 'Allocation', 'Available'];

async function poolDetails(host: Uses<'disk' | 'files' | 'toolstack'>, pool: libvirt.PoolEntry): Promise<string[]> {
  const { of, isActive, isAutomatic, isPersistent } = pool;
  const info = isActive ? await libvirt.poolInfo(host, pool) : undefined;
  const sizes = info
    ? [info.capacityBytes, info.allocationBytes, info.availableBytes].map(bytes => capacityText(bytes))
    : ['-', '-', '-'];
  return [
    of.name,
    isActive ? 'running' : 'inactive',
    isAutomatic ? 'yes' : 'no',
    isPersistent ? 'yes' : 'no',
    ...sizes,
  ];
}

const POOLS: Record<string, VirshCommand> = {
  'pool-list': {
    usage: 'pool-list [--all] [--inactive] [--details] [--name]',
    about: 'list pools',
    run: async (host, _words, options) => {
      const { INACTIVE, ACTIVE } = libvirt.LISTED;
      const pools = await libvirt.listPools(host, options.has('all') ? 0 : options.has('inactive') ? INACTIVE : ACTIVE);
      const sorted = pools.sort(({ of: a }, { of: b }) => (a.name.toLowerCase() < b.name.toLowerCase() ? -1 : 1));
      if (options.has('name')) return `${sorted.map(({ of }) => `${of.name.padEnd(20)}\n`).join('')}\n`;
      if (options.has('details'))
        return table([POOL_COLUMNS, ...(await Promise.all(sorted.map(pool => poolDetails(host, pool))))]);
      const rows = sorted.map(({ of, isActive, isAutomatic }) => [
        of.name,
        isActive ? 'active' : 'inactive',
        isAutomatic ? 'yes' : 'no',
      ]);
      return table([['Name', 'State', 'Autostart'], ...rows]);
    },
  },
  'pool-info': {
    usage: 'pool-info <pool>',
    about: 'storage pool information',
    run: async (host, [word]) => {
      const pool = await poolOf(host, word);
      const { capacityBytes, allocationBytes, availableBytes } = await libvirt.poolInfo(host, pool);
      return labelled(15, [
        ['Name', pool.of.name],
        ['UUID', pool.of.uuid],
        ['State', pool.isActive ? 'running' : 'inactive'],
        ['Persistent', pool.isPersistent ? 'yes' : 'no'],
        ['Autostart', pool.isAutomatic ? 'yes' : 'no'],
        ...(pool.isActive
          ? ([
              ['Capacity', capacityText(capacityBytes)],
              ['Allocation', capacityText(allocationBytes)],
              ['Available', capacityText(availableBytes)],
            ] as const)
          : []),
      ]);
    },
  },
  'pool-dumpxml': {
    usage: 'pool-dumpxml <pool> [--inactive]',
    about: 'pool information in XML',
    run: async (host, [word]) => `${await libvirt.poolXml(host, await poolOf(host, word))}\n`,
  },
  'pool-define': {
    usage: 'pool-define <file>',
    about: 'define an inactive persistent storage pool from an XML file',
    run: async (host, words, _options, around) => {
      const { path, text } = await definitionIn(words, around);
      const { of } = await saying(`Failed to define pool from ${path}`, () => libvirt.definePool(host, text));
      return `Pool ${of.name} defined from ${path}\n\n`;
    },
  },
  'pool-define-as': {
    usage:
      'pool-define-as <name> <type> [<source-host>] [<source-path>] [<source-dev>] [<source-name>] [<target>] [<source-format>]',
    about: 'define a pool from a set of args',
    run: async (host, [name = '', type = '', from, path, device, group, target, format]) => {
      const element = (word: string, name: string, value: string | undefined): string =>
        value === undefined ? '' : `<${word}${attribute(name, value)}/>`;
      const source = [
        element('host', 'name', from),
        element('dir', 'path', path),
        element('device', 'path', device),
        group === undefined ? '' : `<name>${escapedXml(group)}</name>`,
        element('format', 'type', format),
      ].join('');
      const where = target === undefined ? '' : `<target><path>${escapedXml(target)}</path></target>`;
      const xml = `<pool type='${escapedXml(type)}'><name>${escapedXml(name)}</name>${source && `<source>${source}</source>`}${where}</pool>`;
      await saying(`Failed to define pool ${name}`, () => libvirt.definePool(host, xml));
      return `Pool ${name} defined\n\n`;
    },
  },
  'pool-autostart': autostart('pool-autostart'),
  ...Object.fromEntries([
    onPool('pool-build', 'build', 'built', libvirt.buildPool),
    onPool('pool-start', 'start', 'started', libvirt.startPool),
    onPool('pool-destroy', 'destroy', 'destroyed', libvirt.stopPool),
    onPool('pool-delete', 'delete', 'deleted', libvirt.deletePool),
    onPool('pool-refresh', 'refresh', 'refreshed', libvirt.refreshPool),
    onPool('pool-undefine', 'undefine', 'has been undefined', libvirt.undefinePool),
  ]),
};

const sizesOf = ({ type, capacityBytes, allocationBytes }: libvirt.Volume): [string, string][] => [
  ['Type', type === 'dir' ? 'file' : 'block'],
  ['Capacity', capacityText(capacityBytes)],
  ['Allocation', capacityText(allocationBytes)],
];

const VOLUMES: Record<string, VirshCommand> = {
  'vol-list': {
    usage: 'vol-list <pool> [--details]',
    about: 'list vols',
    run: async (host, [name], options) => {
      const pool = await poolOf(host, name);
      const volumes = await saying('Failed to list volumes', () => libvirt.volumesOf(host, libvirt.activePool(pool)));
      if (!options.has('details'))
        return table([['Name', 'Path'], ...volumes.map(({ name: volume, path }) => [volume, path])]);
      // What is in an image is looked up one by one.
      const measured = await Promise.all(volumes.map(volume => libvirt.volumeByName(host, pool.of, volume.name)));
      const rows = measured.map(volume => [volume.name, volume.path, ...sizesOf(volume).map(([, value]) => value)]);
      return table([['Name', 'Path', 'Type', 'Capacity', 'Allocation'], ...rows]);
    },
  },
  'vol-info': {
    usage: 'vol-info <vol> [--pool <pool>]',
    about: 'storage vol information',
    run: async (host, [word, pool]) => {
      const volume = await volumeOf(host, word, pool);
      return labelled(15, [['Name', volume.name], ...sizesOf(volume)]);
    },
  },
  'vol-dumpxml': {
    usage: 'vol-dumpxml <vol> [--pool <pool>]',
    about: 'vol information in XML',
    run: async (host, [word, pool]) => `${await libvirt.volumeXml(host, await volumeOf(host, word, pool))}\n`,
  },
  'vol-path': {
    usage: 'vol-path <vol> [--pool <pool>]',
    about: 'returns the volume path for a given volume name or key',
    run: async (host, [word, pool]) => `${(await volumeOf(host, word, pool)).path}\n\n`,
  },
  'vol-key': {
    usage: 'vol-key <vol> [--pool <pool>]',
    about: 'returns the volume key for a given volume name or path',
    run: async (host, [word, pool]) => `${(await volumeOf(host, word, pool)).path}\n\n`,
  },
  'vol-create-as': {
    usage:
      'vol-create-as <pool> <name> <capacity> [--allocation <allocation>] [--format <format>] [--backing-vol <vol>] [--backing-vol-format <format>]',
    about: 'create a volume from a set of args',
    run: async (host, [word, name = '', capacity = '', allocation, format, backing, backingFormat]) => {
      const pool = await poolOf(host, word);
      const typed = (type: string | undefined): string =>
        type === undefined ? '' : `<format type='${escapedXml(type)}'/>`;
      const under = backing === undefined ? undefined : await volumeOf(host, backing, pool.of.name);
      const on = under
        ? `<backingStore><path>${escapedXml(under.path)}</path>${typed(backingFormat)}</backingStore>`
        : '';
      const xml = `<volume><name>${escapedXml(name)}</name><capacity>${bytesOf(capacity)}</capacity>${allocation === undefined ? '' : `<allocation>${bytesOf(allocation)}</allocation>`}<target>${typed(format)}</target>${on}</volume>`;
      await saying(`Failed to create vol ${name}`, () => libvirt.createVolume(host, libvirt.activePool(pool), xml));
      return `Vol ${name} created\n\n`;
    },
  },
  'vol-clone': {
    usage: 'vol-clone <vol> <newname> [--pool <pool>]',
    about: 'clone a volume.',
    run: async (host, [word, name = '', pool]) => {
      const source = await volumeOf(host, word, pool);
      const within = libvirt.activePool(await libvirt.poolByName(host, source.pool));
      const xml = `<volume><name>${escapedXml(name)}</name><allocation>${source.allocationBytes}</allocation></volume>`;
      await saying(`Failed to clone vol from ${source.name}`, () => libvirt.cloneVolume(host, within, xml, source));
      return `Vol ${name} cloned from ${source.name}\n\n`;
    },
  },
  'vol-download': {
    usage: 'vol-download <vol> <file> [--pool <pool>] [--offset <number>] [--length <number>]',
    about: 'download volume contents to a file',
    run: async (host, [word, file, pool, offset = '0', length = '0'], _options, around) => {
      allNeeded([word, file], ['vol', 'file']);
      const [at, most] = [numeric(offset, 'offset'), numeric(length, 'length')];
      const volume = await volumeOf(host, word, pool);
      const bytes = await saying(`cannot download from volume ${word}`, () =>
        libvirt.openBytes(host, volume.path, false),
      );
      try {
        const left = Math.max(0, bytes.length - at);
        await around.writeFile(file!, bytes.read(at, most === 0 ? left : Math.min(left, most)));
      } finally {
        await bytes.close();
      }
      return '\n';
    },
  },
  'vol-upload': {
    usage: 'vol-upload <vol> <file> [--pool <pool>] [--offset <number>] [--length <number>]',
    about: 'upload file contents to a volume',
    run: async (host, [word, file, pool, offset = '0', length = '0'], _options, around) => {
      allNeeded([word, file], ['vol', 'file']);
      const [at, most] = [numeric(offset, 'offset'), numeric(length, 'length')];
      const volume = await volumeOf(host, word, pool);
      const data = await around.readFile(file!).catch(() => {
        throw new VirshError(`error: cannot read ${file}`);
      });
      const bytes = await saying(`cannot upload to volume ${word}`, () => libvirt.openBytes(host, volume.path, true));
      try {
        const piece = most === 0 ? data : data.subarray(0, most);
        // Debian's gets the error once all has been sent.
        await saying(`cannot close volume ${word}`, () => bytes.write(at, piece));
      } finally {
        await bytes.close();
      }
      return '\n';
    },
  },
  'vol-resize': {
    usage: 'vol-resize <vol> <capacity> [--pool <pool>] [--shrink]',
    about: 'resize a vol',
    run: async (host, [word, capacity = '', pool], options) => {
      const volume = await volumeOf(host, word, pool);
      await saying(`Failed to change size of volume '${volume.name}' to ${capacity}`, () =>
        libvirt.resizeVolume(host, volume, bytesOf(capacity), options.has('shrink') ? 4 : 0),
      );
      return `Size of volume '${volume.name}' successfully changed to ${capacity}\n\n`;
    },
  },
  'vol-delete': {
    usage: 'vol-delete <vol> [--pool <pool>]',
    about: 'delete a vol',
    run: async (host, [word, pool]) => {
      const volume = await volumeOf(host, word, pool);
      await saying(`Failed to delete vol ${word}`, () => libvirt.deleteVolume(host, volume));
      return `Vol ${word} deleted\n\n`;
    },
  },
};

export const STORAGE: Record<string, VirshCommand> = { ...POOLS, ...VOLUMES };
