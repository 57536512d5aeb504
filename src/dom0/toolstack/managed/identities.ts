/**
 * UUIDs and station addresses of definitions that are kept and say none: drawn once, as libvirt draws them when it reads a document (virDomainDefParseXML(),
 * virDomainNetDefParseXML() of src/conf/domain_conf.c), and the same from then on. They are in a file of their own, by the definition's path: what users have
 * written stays as it is.
 */
import type { Definition } from '../../definitions/config/index.ts';
import type { HostFiles } from '../../host/files/index.ts';
import type { Drawing } from './drawing.ts';

/** Where they are kept. */
export const IDENTITIES_FILE = '/var/lib/ringside/identities.json';
/** What of that could not be read, as it was. */
const DAMAGED_FILE = `${IDENTITIES_FILE}.damaged`;

interface Identity {
  uuid?: string;
  /** One for each card; of a card with an address of its own it is not used. */
  macs: string[];
}
const isIdentity = (value: unknown): value is Identity =>
  typeof value === 'object' &&
  value !== null &&
  Array.isArray((value as Identity).macs) &&
  (value as Identity).macs.every(mac => /^([0-9a-f]{2}:){5}[0-9a-f]{2}$/.test(mac)) &&
  /^(undefined|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})$/.test(String((value as Identity).uuid));

export class Identities {
  private readonly files: HostFiles;
  private readonly drawing: Drawing;
  private read: Promise<Map<string, Identity>> | undefined;
  private written: Promise<void> = Promise.resolve();

  constructor(files: HostFiles, drawing: Drawing) {
    this.files = files;
    this.drawing = drawing;
  }

  /** A definition that is kept at `path`, with what it does not say itself. */
  async complete(path: string, definition: Definition): Promise<Definition> {
    const cards = definition.cards.map(({ mac }) => mac);
    if (definition.uuid !== undefined && !cards.includes(undefined)) return definition;
    const all = await this.all();
    const known = all.get(path);
    const identity: Identity = { ...known, macs: [...(known?.macs ?? [])] };
    if (definition.uuid === undefined) identity.uuid ??= this.drawing.uuid();
    const taken = new Set([
      ...[...all.values()].flatMap(({ macs }) => macs),
      ...cards.filter(mac => mac !== undefined),
    ]);
    while (identity.macs.length < cards.length) {
      const mac = this.drawing.mac(taken);
      taken.add(mac);
      identity.macs.push(mac);
    }
    if (identity.uuid !== known?.uuid || identity.macs.length !== (known?.macs.length ?? 0)) {
      all.set(path, identity);
      await this.write(all);
    }
    return {
      ...definition,
      uuid: definition.uuid ?? identity.uuid!,
      cards: definition.cards.map((card, i) => ({ ...card, mac: card.mac ?? identity.macs[i] })),
    };
  }

  /** Of definitions that are no more in a folder nothing is kept. `paths`: those that are. */
  async keepOnly(folder: string, paths: ReadonlySet<string>): Promise<void> {
    const all = await this.all();
    const gone = [...all.keys()].filter(path => path.startsWith(`${folder}/`) && !paths.has(path));
    if (gone.length === 0) return;
    for (const path of gone) all.delete(path);
    await this.write(all);
  }

  private all(): Promise<Map<string, Identity>> {
    this.read ??= this.load();
    return this.read;
  }

  private async load(): Promise<Map<string, Identity>> {
    const bytes = await this.files.readFileBuffer(IDENTITIES_FILE).catch(() => undefined);
    if (!bytes) return new Map();
    let said: [string, unknown][] | undefined;
    try {
      said = Object.entries(JSON.parse(new TextDecoder().decode(bytes)) as object);
    } catch {
      // It is reported below.
    }
    const read = new Map(said?.filter((entry): entry is [string, Identity] => isIdentity(entry[1])));
    if (read.size !== said?.length) await this.setAside(bytes);
    return read;
  }

  /** Guests would have other addresses from now on, and nobody would know why. */
  private async setAside(bytes: Uint8Array): Promise<void> {
    const isKept = await this.files.writeFile(DAMAGED_FILE, bytes).then(
      () => true,
      () => false,
    );
    this.drawing.say(
      `${IDENTITIES_FILE} is damaged: UUIDs and MAC addresses that it had for definitions without their own are drawn again. ${isKept ? `It is kept as ${DAMAGED_FILE}: write in definitions what is to stay as it was.` : 'There was no room to keep it.'}`,
    );
  }

  /** One after the other; where the files take nothing more, they are the same until the host ends. */
  private write(all: ReadonlyMap<string, Identity>): Promise<void> {
    const text = `${JSON.stringify(Object.fromEntries(all), null, 1)}\n`;
    this.written = this.written
      .then(async () => {
        await this.files.mkdir(IDENTITIES_FILE.slice(0, IDENTITIES_FILE.lastIndexOf('/')), { recursive: true });
        await this.files.writeFile(IDENTITIES_FILE, text);
      })
      .catch(() => {});
    return this.written;
  }
}
