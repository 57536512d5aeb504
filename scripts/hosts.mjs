/**
 * Which names a server of ours answers to. A page of another origin may have its own name lead to 127.0.0.1, or to a machine behind the visitor's
 * firewall (DNS rebinding): the browser then takes our answers for that page's own. The name that it asked for is in Host (RFC 9110, 7.2), so a name that
 * is not this machine's is refused. An address cannot be led elsewhere.
 */
import { lookupService } from 'node:dns';
import { isIP } from 'node:net';
import { hostname, networkInterfaces } from 'node:os';

/** All addresses of this machine. */
export const ANY = new Set(['0.0.0.0', '::']);
/** Only this machine opens these. */
export const isOwn = address => /^(127\.|::1$|localhost$)/.test(address);

/** The host of `HOST` or `HOST:PORT`, as URLs have it: small letters, IPv6 without brackets; undefined: it is none. */
export function hostOf(authority) {
  if (typeof authority !== 'string' || !/^[^\s/?#@\\]+$/.test(authority)) return undefined;
  try {
    return new URL(`http://${authority}/`).hostname.replace(/^\[|\]$/g, '').replace(/\.$/, '');
  } catch {
    return undefined;
  }
}

/** What a URL makes of an address that is written in another way. @returns small letters */
const named = name => hostOf(isIP(name) === 6 ? `[${name}]` : name) ?? name.toLowerCase();

/** This machine's names: as it calls itself, with and without its domain, and as it is found on its own link (RFC 6762). */
function ownNames() {
  const name = hostname().toLowerCase(),
    short = name.split('.')[0];
  return [name, short, `${short}.local`];
}

/** Adds what the name servers of this machine call its addresses. The owner of a name that leads here does not decide that. */
function addNamesOfAddresses(names) {
  for (const { internal, address } of Object.values(networkInterfaces()).flat())
    if (!internal && !address.startsWith('fe80:'))
      lookupService(address, 0, (error, name) => {
        if (!error && !isIP(name)) names.add(named(name));
      });
}

/**
 * Judges the Host of requests to a server that listens at `host`.
 * @param allowed further names, as of a proxy in front of the server
 * @returns whether the server answers to such a Host
 */
export function hostCheck(host, allowed = []) {
  const names = new Set(allowed.map(named));
  const own = new Set(['localhost']);
  const isForOthers = !isOwn(host);
  if (!ANY.has(host)) own.add(named(host));
  if (isForOthers) {
    for (const name of ownNames()) own.add(name);
    addNamesOfAddresses(own);
  }
  return authority => {
    const asked = hostOf(authority);
    if (asked === undefined) return false;
    if (names.has(asked) || own.has(asked)) return true;
    // RFC 6761, 6.3: such a name is this machine's everywhere.
    if (asked.endsWith('.localhost')) return true;
    // Other addresses than our own, too: of a machine that passes a port of its own on to us.
    return isIP(asked) !== 0 && (isForOthers || isOwn(asked));
  };
}
