/**
 * One guest and one read of its disk under each type of hypervisor that this host can be: what crossed, what was copied and who gave its processor away was written by
 * the hypervisor and the back end during this very read (dom0/toolstack/tracing/crossings.ts).
 */
import type { Inspected, NamedFile } from '../../../dom0/service/index.ts';
import type { Hypervisor, OfEach } from '../../hypervisors/of-host.ts';
import { type GuestMaker, MadeGuest } from '../made-guests.ts';

export type TypeId = 'hosted' | 'xen' | 'esx' | 'kvm';

/** What the run needs of the page. */
export interface TypesHost extends GuestMaker {
  /** Of the guest's next request. */
  crossings(id: number): Promise<Inspected['crossings']>;
  /** What needs another one is left out; absent: Xen. */
  readonly hypervisor?: Hypervisor;
}

export interface Read {
  type: TypeId;
  domain: { id: number; name: string };
  crossings: Inspected['crossings'];
}

export interface TypesProgress {
  type: TypeId;
  doing: 'creates' | 'boots' | 'reads';
  /** 0 to 1, of the whole run. */
  part: number;
}

interface Shape {
  id: TypeId;
  /** Of its definition; absent: it is a plain PC with its drive, as `ringside boot` starts one: its device model and the image are in its own worker. */
  settings?: string;
  /** The name of the disk's driver in the guest's shell. */
  driver: string;
}

const SHAPES: readonly Shape[] = [
  { id: 'hosted', driver: 'dma' },
  { id: 'xen', settings: 'type = "pv"\nmemory = 8\ndisk = [ "types.img,raw,xvda,w" ]\n', driver: 'xvda' },
  { id: 'esx', driver: 'dma' },
  {
    id: 'kvm',
    settings: 'type = "hvm"\nkvm = 1\nmemory = 8\ndisk = [ "types.img,raw,hda,w" ]\n',
    driver: 'dma',
  },
];
/** Types that a host cannot be. */
const LACKS: OfEach<readonly TypeId[]> = { xen: [], kvm: ['xen'] };
export const TYPES: readonly TypeId[] = SHAPES.map(({ id }) => id);

export const READ_KIB = 4;
const DISK_BYTES = 2 ** 21;
/** Reads lie in pieces of the image that nobody has read yet (hypervisor/disks/media.ts). */
const SECTORS_APART = 512,
  READ_SECTORS = READ_KIB * 2;
/** Two requests are looked at, and the second one is shown: at the first the back end maps the guest's pages. More are for where a look began too late. */
const MOST_READS = 6;
/** Until the viewer has begun. */
const LOOK_MS = 100;
/** Still at it. */
const LOOKS = 'looks';

/** A guest without a definition has its kernel's name. */
function filesOf({ id, settings }: Shape, kernel: Blob, disk: Blob): NamedFile[] {
  const name = `types-${id}`,
    image = { name: 'types.img', data: disk };
  if (settings === undefined) return [{ name: `${name}.elf`, data: kernel }, image];
  const definition = `name = "${name}"\nkernel = "minipv.elf"\n${settings}`;
  return [{ name: `${name}.cfg`, data: new Blob([definition]) }, { name: 'minipv.elf', data: kernel }, image];
}

/** Has the guest read until two of its requests were seen; the second one. @throws Error with a sentence */
async function secondRead(host: TypesHost, guest: MadeGuest, driver: string): Promise<Inspected['crossings']> {
  const { id, name } = guest.domain;
  let looked: Promise<Inspected['crossings'] | undefined> | undefined,
    seen = 0;
  for (let read = 1; read <= MOST_READS; read++) {
    const line = `sum ${driver} ${read * SECTORS_APART} ${READ_SECTORS}`;
    guest.type(line);
    await guest.expect(new RegExp(line));
    // One who looks in vain, or too late, is asked again.
    looked ??= host.crossings(id).catch(() => undefined);
    const look = looked;
    await host.sleep(LOOK_MS);
    guest.type('\r');
    const [, problem] = await guest.expect(/: (?:crc \w+|(error .*|no disk .*))[^]*minipv> /);
    if (problem !== undefined) throw new Error(`${name} could not read its disk (${problem}). Run again.`);
    const crossings = await Promise.race([look, host.sleep(2 * LOOK_MS).then((): typeof LOOKS => LOOKS)]);
    if (crossings === LOOKS) continue;
    looked = undefined;
    if (!crossings) continue;
    if (++seen === 2) return crossings;
  }
  throw new Error(`The requests of ${name} were not seen. See that time goes on, and run again.`);
}

/** Makes the guests one after the other, has each read, and takes it away again, whatever happens. @throws Error with a sentence; an AbortError where it was cancelled */
export async function runTypes(
  host: TypesHost,
  signal: AbortSignal,
  listener: { progress(now: TypesProgress): void; read(read: Read): void },
): Promise<void> {
  const kernel = await host.kernel(),
    disk = new Blob([new Uint8Array(DISK_BYTES)]);
  const shapes = SHAPES.filter(({ id }) => !LACKS[host.hypervisor ?? 'xen'].includes(id));
  for (const [i, shape] of shapes.entries()) {
    const step = (doing: TypesProgress['doing'], done: number): void => {
      signal.throwIfAborted();
      listener.progress({ type: shape.id, doing, part: (i + done / 3) / shapes.length });
    };
    step('creates', 0);
    const domain = await host.create(filesOf(shape, kernel, disk));
    let guest: MadeGuest | undefined;
    try {
      guest = new MadeGuest(host, domain, await host.open(domain.id), signal);
      step('boots', 1);
      await guest.expect(/minipv> /);
      step('reads', 2);
      const crossings = await secondRead(host, guest, shape.driver);
      listener.read({ type: shape.id, domain: { id: domain.id, name: domain.name }, crossings });
    } finally {
      guest?.close();
      await host.destroy(domain.id).catch(() => {});
    }
  }
}
