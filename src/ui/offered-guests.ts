/** Guests that the page can offer: the embedded demo, and what guests/catalogue.json next to the page lists. */

import { forKvm, wideGuests } from './parts.ts';
import { computed, effect, signal } from '@preact/signals';
import { fetchKept, keepDownload } from '../dom0/host/downloads/index.ts';
import type { NamedFile, OfferedGuest } from '../dom0/service/index.ts';
import { offerFirmware, offerGuests, reportProblem } from './host.ts';
import { hostSystemName, type OfEach, ofHost } from './hypervisors/of-host.ts';
import { STARTS } from './hypervisors/starts.ts';
import { sentence } from './sentence.ts';
import { afterPrompt } from './prompt-reached.ts';
import { strings } from './strings.ts';
import { bytes } from './terminal.ts';

export interface Offer extends OfferedGuest {
  /** How it is virtualized, where its definition says it. */
  type?: 'hvm' | 'pv' | 'pvh';
  /** Its first file is a saved state: it goes on there, and the others are the images of its disks. */
  saved?: true;
}

/** One that the page carries. */
export const ownGuest = (id: string, type: 'hvm' | 'pv' | 'pvh', about: string, files: Offer['files']): Offer => ({
  id,
  title: id,
  about,
  type,
  bytes: 0,
  files,
});
const kernel = { name: 'minipv.elf', url: new URL('../../guests/minipv/minipv.elf', import.meta.url).href };
const minipv = (type: 'hvm' | 'pv' | 'pvh', about: string, url: URL): Offer =>
  ownGuest(`minipv-${type}`, type, about, [{ name: `minipv-${type}.cfg`, url: url.href }, kernel]);

/** Guests that the page carries. */
const demo = ownGuest('demo', 'hvm', strings.demo.about, [
  { name: 'demo.cfg', url: new URL('../../guests/demo/demo.cfg', import.meta.url).href },
  { name: 'demo.elf', url: new URL('../../guests/demo/demo.elf', import.meta.url).href },
]);
/** Its source is next to it. */
export const pcos = ownGuest('pcos', 'hvm', strings.pcos.about, [
  { name: 'pcos.cfg', url: new URL('../../guests/pcos/pcos.cfg', import.meta.url).href },
  { name: 'pcos.img', url: new URL('../../guests/pcos/pcos.img', import.meta.url).href },
]);
const kinds: readonly Offer[] = [
  minipv('pv', strings.demo.pv, new URL('../../guests/minipv/minipv-pv.cfg', import.meta.url)),
  minipv('pvh', strings.demo.pvh, new URL('../../guests/minipv/minipv-pvh.cfg', import.meta.url)),
  minipv('hvm', strings.demo.hvm, new URL('../../guests/minipv/minipv-hvm.cfg', import.meta.url)),
];
const own: readonly Offer[] = [demo, pcos, ...kinds];
/** The textbook's figure: next to Domain-0 two paravirtual guests and one that is not modified, with its VGA. */
export const FIGURE: readonly Offer[] = [kinds[0]!, kinds[1]!, demo];

const listed = signal<readonly Offer[]>(own);
export const offers = computed(() => listed.value.filter(ofHost(STARTS)));
/** Whether guests were fetched, also those that this host cannot start. */
export const isAnyFetched = computed(() => listed.value.some(({ bytes: size }) => size > 0));
/** Of what is listed, how many this host cannot start. */
export const notHere = computed(() => listed.value.length - offers.value.length);

/** Those that are loaded behind the first prompt, and listed behind all others. */
let last: readonly Offer[] = [];
async function addLast(): Promise<void> {
  const wide = (await wideGuests.load()).wideGuests;
  if (last === wide) return;
  last = wide;
  listed.value = [...listed.peek(), ...last];
}

/** Whether guests/catalogue.json was read, or found absent. Before that nothing is shown to press: another guest would come under the pointer. */
export const isListed = signal(false);

/** What this page reads of guests/catalogue.json (scripts/guests.ts writes it); paths are relative to it. */
interface Catalogue {
  guests: { id: string; title: string; about: string; bytes: number; files: { name: string; path: string }[] }[];
  firmware?: { name: string; path: string }[];
  cds?: Image[];
  disks?: Image[];
  /** States of some of these guests, by gzip (scripts/build.mjs). */
  saved?: { guest: string; path: string; bytes: number; disks?: { name: string; path: string }[] }[];
  /** From `npm start`, while it fetches the guests that are not among these yet (scripts/serve.mjs). */
  coming?: Coming;
}

/** How far they are: packages that are there, of this many (0: that is not known yet); or why they do not come. */
export type Coming = { text: string; done: number; of: number } | { problem: string };
/** Undefined: no more guests come. */
export const coming = signal<Coming | undefined>(undefined);
const LOOK_MS = 2000;

interface Image {
  name: string;
  path: string;
  bytes: number;
}

const OWN_BIOS = { name: 'bios.bin', url: new URL('../../guests/bios/bios.bin', import.meta.url).href };
const BIOS = 'bios-256k.bin',
  VGA_BIOS = 'vgabios-stdvga.bin';

/** Settled once the catalogue was read, or found absent. */
export let catalogue: Promise<void> = Promise.resolve();
export const startCatalogue = (): void => {
  catalogue = loadCatalogue();
  // Where they do not come Domain 0 has their definitions all the same.
  effect(() => {
    if (afterPrompt.value) void addLast().catch(() => {});
  });
};

/** What Domain 0 refuses it says itself: the files are listed all the same. */
const reported = (work: Promise<void>): Promise<void> =>
  work.catch(error => reportProblem(hostSystemName(), sentence(error)));

/** Adds the fetched guests, if there are any: without `npm run guests` the file is absent, and that is no error. */
async function loadCatalogue(): Promise<void> {
  const base = new URL('guests/catalogue.json', document.baseURI);
  const reading = readCatalogue(base);
  await reported(offerFirmware({ own: OWN_BIOS }));
  const read = await reading;
  if (read) await tellOf(base, read);
  follow(base);
}

/** Looks again while more guests come. */
function follow(base: URL): void {
  if (!coming.peek() || 'problem' in coming.peek()!) return;
  setTimeout(async () => {
    const known = listed.peek().length,
      read = await readCatalogue(base);
    if (read && listed.peek().length !== known) await tellOf(base, read);
    follow(base);
  }, LOOK_MS);
}

/** Domain 0 knows of them, too. */
async function tellOf(
  base: URL,
  { fetched, firmware }: { fetched: Offer[]; firmware: { name: string; path: string }[] },
): Promise<void> {
  const [bios, vgaBios] = [BIOS, VGA_BIOS].map(
    wanted =>
      firmware
        .filter(({ name }) => name === wanted)
        .map(({ name, path }) => ({ name, url: new URL(path, base).href }))[0],
  );
  const roms = firmware
    .filter(({ name }) => name.endsWith('.rom'))
    .map(({ name, path }) => ({ name, url: new URL(path, base).href }));
  await reported(offerFirmware({ own: OWN_BIOS, ...(bios && vgaBios ? { seabios: { bios, vgaBios } } : {}), roms }));
  await reported(offerGuests(fetched));
}

/** A Linux of 64 bits: its code is the interpreter's alone (docs/engine.md). */
const isWide = (name: string): boolean => /amd64/.test(name);

/** Lists what is in the catalogue at `base`. */
async function readCatalogue(
  base: URL,
): Promise<{ fetched: Offer[]; firmware: { name: string; path: string }[] } | undefined> {
  try {
    const answer = await fetch(base);
    // A server that answers every address with the page has no catalogue either.
    if (!answer.ok || /html/.test(answer.headers.get('content-type') ?? '')) return undefined;
    const {
      guests,
      firmware = [],
      cds = [],
      disks = [],
      saved = [],
      coming: more,
    } = (await answer.json()) as Catalogue;
    const image =
      (about: string) =>
      ({ name, path, bytes }: Image): Offer => ({
        id: name,
        title: name,
        about: isWide(name) ? `${about} ${strings.home.slow}` : about,
        type: 'hvm',
        bytes,
        files: [{ name, url: new URL(path, base).href }],
      });
    const fetched = guests.map(({ id, title, about, bytes, files }) => ({
      id,
      title,
      about: isWide(id) ? `${about} ${strings.home.slow}` : about,
      bytes,
      files: files.map(({ name, path }) => ({ name, url: new URL(path, base).href })),
    }));
    const atShell = saved.flatMap(({ guest, path, bytes, disks: below = [] }): Offer[] =>
      fetched
        .filter(({ id }) => id === guest)
        .map(({ id, title }) => ({
          id: `${id}-at-shell`,
          title: strings.home.atShell(title),
          about: strings.home.atShellAbout,
          bytes,
          saved: true,
          files: [{ name: `${id}.save`, path }, ...below].map(({ name, path: at }) => ({
            name,
            url: new URL(at, base).href,
          })),
        })),
    );
    listed.value = [
      ...own,
      ...atShell,
      ...fetched,
      ...disks.map(image(strings.home.disk)),
      ...cds.map(image(strings.home.cd)),
      ...last,
    ];
    coming.value = more;
    return { fetched, firmware };
  } catch (error) {
    // The server that was fetching them may have ended, or is at it again in a moment.
    if (coming.peek()) return undefined;
    reportProblem('guests/catalogue.json', strings.errors.downloadBroke('guests/catalogue.json', sentence(error)));
    return undefined;
  } finally {
    isListed.value = true;
  }
}

export interface Progress {
  name: string;
  done: number;
  all: number;
  startedAt: number;
}

/** Longest that a server may send nothing, milliseconds. */
const SILENT_MS = 60_000;

/** What a server sends, if it comes in time. @throws Error */
async function soon<T>(answer: Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const silence = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(strings.errors.silent(SILENT_MS / 1000))), SILENT_MS);
  });
  try {
    return await Promise.race([answer, silence]);
  } finally {
    clearTimeout(timer);
  }
}

/** Fetches a guest's files, its definition as this host starts it. Throws a sentence, also where nothing comes any more; an abort throws an AbortError. */
export async function fetchGuest(
  guest: Offer,
  signal: AbortSignal,
  onProgress: (progress: Progress) => void,
): Promise<NamedFile[]> {
  const files: NamedFile[] = [];
  const startedAt = performance.now();
  let before = 0;
  for (const { name, url } of guest.files) {
    let answer: Response;
    try {
      answer = await soon(fetchKept(url, signal));
    } catch (error) {
      if (signal.aborted) throw error;
      throw new Error(strings.errors.downloadBroke(name, sentence(error)));
    }
    // A server that answers an unknown address with the page itself has no such file.
    const isPage = /text\/html/.test(answer.headers.get('content-type') ?? '');
    if (!answer.ok || isPage)
      throw new Error(
        guest.bytes ? strings.errors.download(name, isPage ? 404 : answer.status) : strings.errors.notBuilt(name),
      );
    const chunks: Uint8Array<ArrayBuffer>[] = [];
    let done = 0;
    try {
      const reader = answer.body!.getReader();
      for (let part = await soon(reader.read()); !part.done; part = await soon(reader.read())) {
        chunks.push(part.value as Uint8Array<ArrayBuffer>);
        done += part.value.length;
        onProgress({ name, done: before + done, all: guest.bytes, startedAt });
      }
    } catch (error) {
      if (signal.aborted) throw error;
      throw new Error(strings.errors.downloadBroke(name, sentence(error)));
    }
    before += done;
    const data = new Blob(chunks);
    void keepDownload(url, data);
    files.push({ name, data: guest.saved ? await unzipped(data) : data });
  }
  return ofHost(FILES)(files);
}

/** As guests of the host's hypervisor find them. */
const FILES: OfEach<(files: NamedFile[]) => NamedFile[] | Promise<NamedFile[]>> = {
  xen: files => files,
  kvm: async files => (await forKvm.load()).filesForKvm(files),
};

/** What gzip made smaller on the way, and a server may have given back whole already. */
async function unzipped(data: Blob): Promise<Blob> {
  const [first, second] = new Uint8Array(await data.slice(0, 2).arrayBuffer());
  return first === 0x1f && second === 0x8b
    ? new Response(data.stream().pipeThrough(new DecompressionStream('gzip'))).blob()
    : data;
}

/** "vmlinuz: 3.1 of 8.0 MiB, 2 s left". */
export function progressText({ name, done, all, startedAt }: Progress, now: number): string {
  const seconds = (now - startedAt) / 1000;
  const left = done > 0 && all > done && seconds > 0.4 ? Math.ceil(((all - done) * seconds) / done) : 0;
  return strings.home.fetching(name, bytes(done), bytes(Math.max(all, done)), left);
}
