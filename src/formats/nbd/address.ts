/** Where an export is: NBD's own way to write it (doc/uri.md of NetworkBlockDevice/nbd), as far as plain TCP goes. */

export const NBD_PORT = 10809;

/** Whether a disk's target is an export of another machine's. */
export const isNetworkDisk = (target: string): boolean => target.startsWith('nbd://');

export interface NbdAddress {
  host: string;
  port: number;
  /** Of the export; it may be empty. */
  name: string;
}

/** nbd://HOST[:PORT]/NAME. @throws Error with a sentence */
export function readNbdAddress(text: string): NbdAddress {
  const [, v6, plain, port, name = ''] =
    /^nbd:\/\/(?:\[([0-9a-f:.]+)\]|([a-z0-9._-]+))(?::(\d{1,5}))?(?:\/(.*))?$/i.exec(text) ?? [];
  const host = v6 ?? plain;
  const number = port === undefined ? NBD_PORT : Number(port);
  if (host === undefined || number < 1 || number > 65_535)
    throw new Error(`${text} is no address of an NBD server. Write nbd://HOST:PORT/NAME.`);
  try {
    return { host, port: number, name: decodeURIComponent(name) };
  } catch {
    throw new Error(`${text}: its name has a % that says nothing. Write %25.`);
  }
}

/** Why a network disk's target is no address. */
export function nbdAddressProblem(target: string): string | undefined {
  try {
    readNbdAddress(target);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

export function formatNbdAddress({ host, port, name }: NbdAddress): string {
  const machine = host.includes(':') ? `[${host}]` : host;
  // What a path is made of stays readable.
  const path = encodeURIComponent(name).replaceAll('%2F', '/');
  return `nbd://${machine}${port === NBD_PORT ? '' : `:${port}`}/${path}`;
}
