/** What pages that manage domains ask of the host, and what they change, in libvirt’s model of it: commands that this makes are noted by virtual time one by one. */
import {
  activePool,
  changeHardware,
  cloneVolume,
  deleteVolume,
  domainByName,
  type Hardware,
  type HardwareChange,
  hardwareOf,
  type Impact,
  LISTED,
  defineNetwork,
  listNetworks,
  listPools,
  networkByName,
  networkLeases,
  type NetworkWish,
  poolByName,
  type Proposal,
  proposeChange,
  resizeVolume,
  setNetworkAutostart,
  setTags,
  startNetwork,
  stopNetwork,
  undefineNetwork,
  uploadVolume,
  usersOf,
  volumeOf,
  volumesOf,
  wishedNetworkXml,
} from '../libvirt/index.ts';
import { type Definition, escapedXml, judgeDefinition, prepareToRead } from '../definitions/config/index.ts';
import { imageOfDrive } from './image-download.ts';
import { shareFolder } from './shared-folders.ts';
import type { Finding, NamedFile } from '../definitions/index.ts';
import { type CommandHost, domainsOf, type WrittenImage, type Uses } from '../toolstack/index.ts';

/** A text and what is found in it. */
export interface Verdicts {
  text: string;
  plan: { findings: Finding[] };
}

/** A pool of storage with what is in it. */
export interface PoolFacts {
  name: string;
  type: 'dir' | 'logical' | 'disk';
  folder: string;
  volumes: { name: string; path: string; bytes: number; users: { name: string; runs: boolean }[] }[];
}

/** A network, with who is on it. */
export interface NetworkFacts {
  name: string;
  mode: 'isolated' | 'nat' | 'bridge';
  bridge: string;
  /** Of its gateway, as 192.168.100.1/24; empty: it has none. */
  address: string;
  range?: { start: string; end: string };
  isActive: boolean;
  isPersistent: boolean;
  isAutomatic: boolean;
  /** The host's own: it is always there. */
  isOwn: boolean;
  users: { name: string; runs: boolean }[];
  leases: { mac: string; address: string; name?: string }[];
}

async function networksOf(host: CommandHost): Promise<NetworkFacts[]> {
  const domains = await domainsOf(host).list();
  return (await listNetworks(host, 0)).map(entry => {
    const { of, isOwn = false, ...state } = entry,
      [range] = of.ip?.dhcp?.ranges ?? [];
    const isOn = (definition: Definition): boolean =>
      definition.cards.some(({ options }) =>
        options?.network === undefined
          ? (options?.bridge ?? (isOwn ? of.bridge : undefined)) === of.bridge
          : options.network === of.name,
      );
    return {
      name: of.name,
      mode: of.mode,
      bridge: of.bridge,
      address: of.ip ? `${of.ip.address}/${of.ip.prefix}` : '',
      ...(range ? { range } : {}),
      ...state,
      isOwn,
      users: domains
        .filter(
          ({ definition, managed, id }) => id !== 0 && (isOn(definition) || (managed && isOn(managed.definition))),
        )
        .map(({ name, id }) => ({ name, runs: id !== undefined })),
      leases: networkLeases(host, entry).map(({ mac, address, name }) => ({ mac, address, ...(name ? { name } : {}) })),
    };
  });
}

export const QUESTIONS = {
  networks: networksOf,
  networkXml: (host: CommandHost, wish: NetworkWish): Promise<string> => wishedNetworkXml(host, wish),
  /** Those that are active. */
  pools: async (host: CommandHost): Promise<PoolFacts[]> => {
    const domains = await domainsOf(host).list();
    return Promise.all(
      (await listPools(host, LISTED.ACTIVE)).map(async ({ of }) => ({
        name: of.name,
        type: of.type,
        folder: of.folder,
        volumes: (await volumesOf(host, of)).map(({ name, path, capacityBytes: bytes }) => ({
          name,
          path,
          bytes,
          users: usersOf(domains, path),
        })),
      })),
    );
  },
  hardware: async (host: CommandHost, name: string): Promise<Hardware> =>
    hardwareOf(host, await domainByName(host, name)),
  proposal: async (host: CommandHost, name: string, change: HardwareChange, impact: Impact): Promise<Proposal> =>
    proposeChange(host, await domainByName(host, name), change, impact),
  /** What guests wrote to these files before. */
  keptWrites: async (host: Uses<'files'>, files: readonly NamedFile[]): Promise<WrittenImage[]> =>
    (await host.files.keptWrites()).find(files),
  /** The image in a guest's drive with what the guest wrote to it. */
  diskImage: imageOfDrive,
  /** What a text says, whatever keeps it from being created now. */
  verdicts: async (_host: CommandHost, path: string, text: string): Promise<Verdicts> => {
    await prepareToRead(text);
    return { text, plan: { findings: judgeDefinition(path, text).findings } };
  },
};

export const CHANGES = {
  /** A new network, or what one of its name is when it is started next. */
  defineNetwork: async (host: CommandHost, wish: NetworkWish): Promise<void> =>
    void (await defineNetwork(host, await wishedNetworkXml(host, wish))),
  startNetwork: async (host: CommandHost, name: string): Promise<void> =>
    startNetwork(host, await networkByName(host, name)),
  stopNetwork: async (host: CommandHost, name: string): Promise<void> =>
    stopNetwork(host, await networkByName(host, name)),
  undefineNetwork: async (host: CommandHost, name: string): Promise<void> =>
    undefineNetwork(host, await networkByName(host, name)),
  autostartNetwork: async (host: CommandHost, name: string, on: boolean): Promise<void> =>
    setNetworkAutostart(host, await networkByName(host, name), on),
  hardware: async (host: CommandHost, name: string, change: HardwareChange, impact: Impact): Promise<void> =>
    changeHardware(host, await domainByName(host, name), change, impact),
  tags: async (host: CommandHost, name: string, tags: readonly string[]): Promise<void> =>
    setTags(host, await domainByName(host, name), tags),
  resizeVolume: async (host: CommandHost, pool: string, name: string, bytes: number): Promise<void> =>
    resizeVolume(host, await volumeOf(host, { pool, name }), bytes),
  copyVolume: async (host: CommandHost, pool: string, name: string, to: string): Promise<void> => {
    const source = await volumeOf(host, { pool, name });
    const xml = `<volume><name>${escapedXml(to)}</name></volume>`;
    await cloneVolume(host, activePool(await poolByName(host, pool)), xml, source);
  },
  uploadVolume: async (host: CommandHost, pool: string, name: string, data: Blob): Promise<void> =>
    void (await uploadVolume(host, activePool(await poolByName(host, pool)), name, data)),
  /** A folder for a guest that runs, with what is in it. */
  shareFolder,
  deleteVolume: async (host: CommandHost, pool: string, name: string): Promise<void> =>
    deleteVolume(host, await volumeOf(host, { pool, name })),
};

type Table = Readonly<Record<string, (host: CommandHost, ...given: never[]) => Promise<unknown>>>;
type Given<T extends Table> = {
  [What in keyof T]: T[What] extends (host: CommandHost, ...given: infer G) => unknown ? G : never;
};
type Answers<T extends Table> = {
  [What in keyof T]: T[What] extends (...given: never[]) => Promise<infer R> ? R : never;
};
type Asked<T extends Table> = <What extends keyof T>(what: What, ...given: Given<T>[What]) => Promise<Answers<T>[What]>;
export type Consult = Asked<typeof QUESTIONS>;
export type Manage = Asked<typeof CHANGES>;

const asked =
  <T extends Table>(table: T) =>
  <What extends keyof T>(host: CommandHost, what: What, given: readonly unknown[]): Promise<Answers<T>[What]> =>
    (table[what] as unknown as (...given: unknown[]) => Promise<Answers<T>[What]>)(host, ...given);

export const consult = asked(QUESTIONS);
export const manage = asked(CHANGES);
