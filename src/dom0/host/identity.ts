/**
 * Who a host is among others. Its id has the form of machine-id(5): 32 hexadecimal digits in lower case. What hosts on one network must not share follows from
 * it: the addresses of their cards, and what they draw for guests.
 */
export interface HostIdentity {
  /** Absent: it has never been among others. */
  readonly id?: string;
  readonly name: string;
}

/** A host that knows no other: there is one such at each screen, and a lesson's is the same everywhere. */
export const LONE_HOST: HostIdentity = { name: 'ringside' };

/** hostname(5): a host that is kept is the same again. */
export const NAME_FILE = '/etc/hostname';
/** A name that a host has got in a pool. */
const OF_A_POOL = /^(?!ringside$)[a-z0-9-]+$/;

/** The name that a host had in a pool: it is its name in none, too. Undefined: it was in none. */
export async function keptName(
  files: { readFileBuffer(path: string): Promise<Uint8Array> } | undefined,
): Promise<string | undefined> {
  const bytes = await files?.readFileBuffer(NAME_FILE).catch(() => undefined);
  const name = new TextDecoder().decode(bytes ?? new Uint8Array()).trim();
  return OF_A_POOL.test(name) ? name : undefined;
}

/** 32 bits that follow from the id, by FNV-1a; 0: of a host without one. */
export function seedOfHost({ id }: HostIdentity): number {
  if (id === undefined) return 0;
  let hash = 0x811c9dc5;
  for (let i = 0; i < id.length; i++) hash = Math.imul(hash ^ id.charCodeAt(i), 0x01000193);
  return hash >>> 0;
}

/** The address in the EEPROM of the host's card: behind one of Intel's prefixes three bytes of the host's. */
export function cardAddressOf(host: HostIdentity): Uint8Array {
  const tail = host.id === undefined ? 1 : seedOfHost(host) & 0xffffff;
  return Uint8Array.of(0x00, 0x1b, 0x21, tail >>> 16, (tail >>> 8) & 0xff, tail & 0xff);
}

/** Of the bridge's own interface: locally administered, as the host's card keeps its own for what its driver sends. */
export function bridgeAddressOf(host: HostIdentity): Uint8Array {
  const address = cardAddressOf(host);
  address[0] |= 0x02;
  return address;
}
