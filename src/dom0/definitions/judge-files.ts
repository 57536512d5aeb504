/** What is dropped is read, then judged against what only this host knows: names and addresses in use, processors, memory left. */
import type { Kind } from '../../hypervisor/kinds/index.ts';
import { DEFINITION_KINDS } from './kinds/index.ts';
import type { Finding, NamedFile } from './verdicts.ts';
import { affinityProblem, formatAffinity } from './config/cpus.ts';
import type { Definition } from './config/judge-definition.ts';
import { behindHead, HEAD_BYTES, imageKind, joined } from './images/images.ts';
import { holdsImage, PACKED_HEAD_BYTES, unpackedImage } from './images/packed.ts';
import { packingOf, unpacksHere } from '../../formats/unpack/index.ts';
import { prepareToRead } from './config/source.ts';
import {
  baseName,
  decode,
  type Devices,
  type Firmware,
  type Given,
  type NamedImage,
  type Planned,
  rename,
} from './planned.ts';
import { disksNamed, isDefinition, type Loaded } from './named-in-files.ts';
import { prepareToPlan } from './prepare-plans.ts';
import { foreignOf } from './may-be-foreign.ts';
import { planFiles } from './plan-domain.ts';
import { NO_MEMORY, nameTaken, UUID_TAKEN } from './libxl-words.ts';
import { verdicts } from './config/keys/verdicts-part.ts';
import type { Places } from './places-of-cards.ts';
import { NO_VT, NO_VT_REASON } from './no-vt.ts';
import { MOST_BYTES as MOST_DEFINITION_BYTES } from './config/xlcfg.ts';

/** What is read whole: more than the largest guest has memory for is none of its files. */
const MOST_BYTES = 2 ** 31;

/** What is looked at together: a definition with its files is a handful. */
const MOST_FILES = 100;
/** Read at a time, so that a judgement that is not wanted any more ends soon. */
const PIECE_BYTES = 2 ** 24;

/** @throws Error where the judgement is not wanted any more */
export function goOn(wanted: () => boolean): void {
  if (!wanted()) throw new Error('These files were not judged: others came, or they were put away.');
}

/** A file's content; of an image, which may be larger than memory, its beginning; of a definition no more than is judged. */
async function look({ name, data, inDomain0 }: NamedFile, wanted: () => boolean): Promise<Given> {
  const where = inDomain0 ? { inDomain0 } : {};
  const bytes = async (part: Blob): Promise<Uint8Array> => {
    goOn(wanted);
    return new Uint8Array(await part.arrayBuffer());
  };
  const headOf = async (image: Blob, head: Uint8Array): Promise<Uint8Array> => {
    const behind = behindHead(head, image.size);
    return behind ? joined(head, await bytes(image.slice(behind.from, behind.to))) : head;
  };
  const packedHead = await bytes(data.slice(0, PACKED_HEAD_BYTES));
  if (await holdsImage(name, packedHead)) {
    const inside = await unpackedImage(name, data);
    const insideHead = await headOf(inside, await bytes(inside.slice(0, HEAD_BYTES)));
    return { name, head: insideHead, bytes: inside.size, ...packedAs(packedHead) };
  }
  const head = packedHead.subarray(0, HEAD_BYTES);
  if (imageKind(name, head)) return { name, head: await headOf(data, head), bytes: data.size };
  const foreign = await foreignOf(baseName(name), head);
  const what = foreign ? { foreign } : {};
  if (foreign?.isText || data.size <= HEAD_BYTES) return { name, data: head, ...where, ...what };
  if (!foreign && isDefinition({ name, data: head }))
    return { name, data: await bytes(data.slice(0, MOST_DEFINITION_BYTES + 1)), ...where };
  if (data.size > MOST_BYTES && foreign?.isDisk) return { name, head, bytes: data.size };
  if (data.size > MOST_BYTES)
    throw new Error(
      foreign?.text ??
        `${name} has ${Math.ceil(data.size / 2 ** 20)} MiB and is no disk or CD image; for a kernel or a RAM disk that is too large. Take another file.`,
    );
  const all = new Uint8Array(data.size);
  for (let at = 0; at < all.length; at += PIECE_BYTES) all.set(await bytes(data.slice(at, at + PIECE_BYTES)), at);
  return { name, data: all, ...what };
}

function packedAs(head: Uint8Array): Pick<NamedImage, 'packing'> {
  const packing = packingOf(head);
  return packing ? { packing } : {};
}

/** What is asked for, as far as it has been read. */
export interface ReadFiles {
  given: Given[];
  /** Where they boot from a disk. */
  firmware: Firmware | undefined;
  /** Those that they name. */
  devices?: Devices;
  /** Where a boot loader looks on the guest's disk. */
  loaded?: Loaded;
}

/** @throws Error for a file that is too large, for too many, and where nobody wants the judgement any more */
export async function readFiles(files: NamedFile[], wanted: () => boolean): Promise<Given[]> {
  if (files.length > MOST_FILES)
    throw new Error(
      `These are ${files.length} files, and at most ${MOST_FILES} are looked at. Take a definition with the files that it names.`,
    );
  const given: Given[] = [];
  for (const file of files) {
    const read = await look(file, wanted);
    if ('data' in read && isDefinition(read)) await prepareToRead(decode(read.data));
    given.push(read);
  }
  // What is no image by its look may be a disk all the same, as a file system without a partition is.
  const disks = new Set(disksNamed(given).map(baseName));
  const whole = await Promise.all(
    given.map(async (one, i): Promise<Given> => {
      if (!('data' in one) || !disks.has(baseName(one.name)) || !unpacksHere(one.data)) return one;
      const inside = await unpackedImage(one.name, files[i].data);
      return {
        name: one.name,
        head: new Uint8Array(await inside.slice(0, HEAD_BYTES).arrayBuffer()),
        bytes: inside.size,
        ...packedAs(one.data),
      };
    }),
  );
  await prepareToPlan(whole);
  return whole;
}

/** What only the host knows. */
export interface HostFacts {
  /** A domain that runs has the name. */
  isTaken(name: string): boolean;
  /** The domain that has this UUID and is not called `name`; undefined: none does. */
  ownerOf(uuid: string | undefined, name: string): string | undefined;
  /** Why a card cannot have this station address; undefined: it can. */
  stationProblem(mac: string | undefined): string | undefined;
  /** Where cards can be. */
  places: Places;
  pcpus: number;
  /** What a new domain may have: of what is free its page tables take some. */
  freeMiB: number;
  /** The hypervisor uses VT-x. */
  hasVt: boolean;
  /** Why the host's hypervisor runs no guests of a kind; a real one would have no KVM (`addsKvm`). */
  hypervisor: { refusal?(kind: Kind): string | undefined; addsKvm?: true };
}

/** A plan; without a domain where it has errors. `anotherName`: one whose name is taken gets a number behind it. */
export function judgeFiles(
  { given, firmware, devices, loaded }: ReadFiles,
  facts: HostFacts,
  anotherName = false,
): Planned {
  const planned = planFiles(given, firmware, devices, loaded);
  const { plan } = planned;
  // A name that nobody wrote is nobody's choice.
  if ((anotherName || planned.generated) && facts.isTaken(plan.name)) rename(planned, freeName(plan.name, facts));
  judgeHere(planned, facts);
  if (plan.errors.length > 0) delete planned.domain;
  return planned;
}

function freeName(name: string, { isTaken }: HostFacts): string {
  let n = 2;
  while (isTaken(`${name}-${n}`)) n++;
  return `${name}-${n}`;
}

function judgeHere(
  { plan, kind, domain, write = (key, value) => `${key} = ${value}` }: Planned,
  facts: HostFacts,
): void {
  const definition: Definition | undefined = domain?.definition;
  const name = (key: string): string => /^<[\w_]+/.exec(write(key, ''))?.[0].concat('>') ?? key;
  const add = (key: string, short: string, text: string, libxl?: Finding['libxl']): void => {
    const old = plan.findings.find(finding => finding.key === key);
    const finding: Finding = {
      file: old?.file ?? '',
      line: old?.line ?? 1,
      column: old?.column ?? 1,
      source: old?.source ?? '',
      key,
      verdict: 'error',
      short,
      text,
      ...(libxl ? { libxl } : {}),
    };
    if (old) plan.findings[plan.findings.indexOf(old)] = finding;
    else plan.findings.push(finding);
    plan.errors.push(finding);
  };
  if (plan.name !== '' && facts.isTaken(plan.name))
    add(
      'name',
      'is taken',
      `There is a domain called ${plan.name} already. Destroy it, or give this one another name.`,
      nameTaken(plan.name),
    );
  const owner = facts.ownerOf(definition?.uuid, plan.name);
  if (owner !== undefined && owner !== plan.name)
    add(
      'uuid',
      'is taken',
      `${owner} has the UUID ${definition?.uuid} already. Write another one, or leave ${name('uuid')} out: then one is drawn.`,
      UUID_TAKEN,
    );
  if (facts.hypervisor.addsKvm) verdicts.loaded?.kvm.judgeOnXen(plan.findings);
  plan.errors.push(...(verdicts.loaded?.places.judgePlaces(plan.findings, facts.places) ?? []));
  const station = definition?.cards.map(({ mac }) => facts.stationProblem(mac)).find(problem => problem);
  if (station)
    add('vif.mac', 'is taken', `${station} Write another one, or leave ${name('mac')} out: then one is drawn.`);
  const astray = affinityProblem(definition?.hardAffinity, facts.pcpus);
  if (astray) add('cpus', 'no such processor', `cpus = ${formatAffinity(definition?.hardAffinity ?? 0)}: ${astray}`);
  const refusal = kind && facts.hypervisor.refusal?.(kind);
  if (refusal) add('type', 'needs Xen', refusal);
  else if (kind && DEFINITION_KINDS[kind].needsVt && !facts.hasVt)
    add(
      'type',
      'needs VT-x',
      `${NO_VT_REASON} Write ${write('type', 'pv')} for a paravirtual guest, or start the host with VT.`,
      NO_VT,
    );
  const { freeMiB } = facts;
  if (plan.errors.length === 0 && plan.summary.memoryMiB > freeMiB)
    add(
      'memory',
      `the host can give it ${freeMiB}`,
      `The guest wants ${plan.summary.memoryMiB} MiB and the host can give it ${freeMiB}. Destroy another domain${freeMiB > 0 ? ` or write ${write('memory', String(freeMiB))}` : ''}.`,
      NO_MEMORY,
    );
}
