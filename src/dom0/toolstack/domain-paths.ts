/**
 * What the toolstack writes into the store for a new domain, before it runs.
 * Source: xen/docs/misc/xenstore-paths.pandoc; tools/libs/light/libxl_create.c, libxl_dom.c.
 */
import type { Permission, StoreClient } from '../backends/xenstore/index.ts';
import { XEN_DOMAINS } from './kinds/xen/domain.ts';

export interface DomainPaths {
  domid: number;
  uuid: string;
  name: string;
  type: 'hvm' | 'pvh' | 'pv';
  memoryMiB: number;
  maxMemoryMiB: number;
  /** Its balloon's target before it was saved. */
  targetKiB?: number;
  /** The hole below 4 GiB, where it is not as large as hvmloader makes it. */
  mmioHoleMiB?: number;
  vcpus: number;
  maxVcpus: number;
  /** Ports of the domain, and the frames of its rings. */
  store: { port: number; gfn: number };
  console: { port: number; gfn: number };
  kernel?: string;
  ramdisk?: string;
  cmdline?: string;
  startEpochMs: number;
}

/** Frame buffer of an emulated VGA, which `memory/target` does not count (KiB). */

type StoreView = Parameters<Parameters<StoreClient['transaction']>[0]>[0];

const readableBy = (domid: number): Permission[] => [
  { letter: 'n', domid: 0 },
  { letter: 'r', domid },
];

function put(view: StoreView, permissions: Permission[], base: string, values: Record<string, string | number>): void {
  for (const [path, value] of Object.entries(values))
    view.write(path === '' ? base : `${base}/${path}`, String(value), permissions);
}

/** What is known last of one that comes from elsewhere: its rings, which its saved state names, and its balloon's target. */
export function writeRings(client: StoreClient, domain: DomainPaths): void {
  client.transaction(view => putRings(view, domain));
}

function putRings(view: StoreView, { domid, type, store, console, ...memory }: DomainPaths): void {
  put(view, readableBy(domid), `/local/domain/${domid}`, {
    'memory/target': memory.targetKiB ?? memory.memoryMiB * 1024 - XEN_DOMAINS[type].slackKiB(memory),
    'store/port': store.port,
    'store/ring-ref': store.gfn,
    'console/port': console.port,
    'console/ring-ref': console.gfn,
  });
}

export function writeDomainPaths(client: StoreClient, domain: DomainPaths): void {
  const { domid, type } = domain;
  const { ostype, videoKiB, features, hasLoader } = XEN_DOMAINS[type];
  const home = `/local/domain/${domid}`,
    vm = `/vm/${domain.uuid}`,
    libxl = `/libxl/${domid}`;
  const readable = readableBy(domid);
  const own: Permission[] = [{ letter: 'n', domid }];
  const secret: Permission[] = [{ letter: 'n', domid: 0 }];
  client.transaction(view => {
    put(view, readable, vm, {
      '': '',
      uuid: domain.uuid,
      name: domain.name,
      start_time: (domain.startEpochMs / 1000).toFixed(2),
      'image/ostype': ostype,
      ...(domain.kernel === undefined ? {} : { 'image/kernel': domain.kernel }),
      ...(domain.ramdisk === undefined ? {} : { 'image/ramdisk': domain.ramdisk }),
      ...(domain.cmdline === undefined ? {} : { 'image/cmdline': domain.cmdline }),
      'rtc/timeoffset': 0,
    });
    put(view, secret, libxl, { '': '', type, 'dm-version': 'qemu_xen' });
    put(view, readable, home, {
      '': '',
      vm,
      name: domain.name,
      domid,
      'memory/static-max': domain.maxMemoryMiB * 1024,
      'memory/videoram': videoKiB,
      device: '',
      control: '',
      'control/platform-feature-multiprocessor-suspend': 1,
      'control/platform-feature-xs_reset_watches': 1,
    });
    for (let vcpu = 0; vcpu < domain.maxVcpus; vcpu++)
      put(view, readable, home, { [`cpu/${vcpu}/availability`]: vcpu < domain.vcpus ? 'online' : 'offline' });
    const guests = ['shutdown', 'feature-poweroff', 'feature-reboot', 'feature-suspend', 'sysrq', ...features];
    for (const name of guests) put(view, own, home, { [`control/${name}`]: '' });
    for (const name of ['device/suspend/event-channel', 'data', 'drivers', 'feature', 'attr', 'error'])
      put(view, own, home, { [name]: '' });
    if (hasLoader) put(view, readable, home, forLoader(domain));
    // Console 0 lies next to the devices, and its back end is ready from the start.
    const frontend = `${home}/console`,
      backend = `/local/domain/0/backend/console/${domid}/0`;
    put(view, readable, frontend, {
      '': '',
      backend,
      'backend-id': 0,
      limit: 1048576,
      type: 'xenconsoled',
      output: 'pty',
      tty: '',
    });
    putRings(view, domain);
    put(view, readable, backend, { '': '', frontend, 'frontend-id': domid, online: 1, state: 1, protocol: 'vt100' });
  });
}

/** What hvmloader asks for. */
const forLoader = ({ mmioHoleMiB }: DomainPaths): Record<string, string | number> => ({
  'platform/acpi': 1,
  'platform/acpi_s3': 1,
  'platform/acpi_s4': 1,
  ...(mmioHoleMiB === undefined ? {} : { 'platform/mmio_hole_size': mmioHoleMiB * 2 ** 20 }),
  'hvmloader/bios': 'seabios',
  'hvmloader/allow-memory-relocate': 1,
});

/** What is left in the store of a domain that is gone: its own, and what Domain 0 has of its devices, sentences about them among that. `uuid`: absent, another domain has it. */
export function removeDomainPaths(client: StoreClient, domid: number, uuid: string | undefined): void {
  const kinds = ['/local/domain/0/backend', '/local/domain/0/error/backend'].flatMap(path =>
    client.directory(path).map(kind => `${path}/${kind}`),
  );
  for (const path of [
    `/local/domain/${domid}`,
    ...(uuid === undefined ? [] : [`/vm/${uuid}`]),
    `/libxl/${domid}`,
    ...kinds.map(kind => `${kind}/${domid}`),
  ])
    client.rm(path);
}
