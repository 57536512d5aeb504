/** The server's side of DHCP. Sources: RFC 2131, RFC 2132. */
import { concat } from '../../formats/bytes/index.ts';
import { ascii, get16, get32, put16, put32 } from './packets.ts';

export const DHCP_SERVER_PORT = 67,
  DHCP_CLIENT_PORT = 68;
const MAGIC = 0x63825363;
const FIXED_BYTES = 236;
/** Shortest message that every client takes (RFC 951 through RFC 1542, 2.1). */
const MIN_MESSAGE = 300;
const OPTION = {
  MASK: 1,
  ROUTER: 3,
  DNS: 6,
  HOST_NAME: 12,
  DOMAIN: 15,
  BROADCAST: 28,
  REQUESTED: 50,
  LEASE: 51,
  TYPE: 53,
  SERVER: 54,
  RENEW: 58,
  REBIND: 59,
  BOOT_FILE: 67,
  END: 255,
} as const;
const DISCOVER = 1,
  OFFER = 2,
  REQUEST = 3,
  ACK = 5,
  NAK = 6,
  INFORM = 8;
export const LEASE_SECONDS = 86400;

export interface DhcpRequest {
  type: number;
  transaction: number;
  seconds: number;
  /** The client cannot take a packet for an address that it does not have yet. */
  broadcast: boolean;
  clientAddress: number;
  hardware: Uint8Array;
  /** Options 50 and 54; 0: absent. */
  requested: number;
  server: number;
  /** As it calls itself (option 12). */
  name?: string;
}

export interface DhcpNetwork {
  server: number;
  mask: number;
  router: number;
  dns: number;
  domain: string;
  bootFile?: string;
}

/** Null: not a client's DHCP message on Ethernet, or one that came through a relay. */
export function parseDhcp(data: Uint8Array): DhcpRequest | null {
  if (data.length < FIXED_BYTES + 4 || data[0] !== 1 || data[1] !== 1 || data[2] !== 6) return null;
  if (get32(data, FIXED_BYTES) !== MAGIC || get32(data, 24) !== 0) return null;
  const request: DhcpRequest = {
    type: 0,
    transaction: get32(data, 4),
    seconds: get16(data, 8),
    broadcast: (data[10] & 0x80) !== 0,
    clientAddress: get32(data, 12),
    hardware: data.slice(28, 34),
    requested: 0,
    server: 0,
  };
  for (let at = FIXED_BYTES + 4; at < data.length && data[at] !== OPTION.END; ) {
    if (data[at] === 0) {
      at++;
      continue;
    }
    const length = data[at + 1];
    const value = at + 2;
    if (length === undefined || value + length > data.length) return null;
    if (data[at] === OPTION.TYPE && length === 1) request.type = data[value];
    if (data[at] === OPTION.REQUESTED && length === 4) request.requested = get32(data, value);
    if (data[at] === OPTION.HOST_NAME) {
      const name = String.fromCharCode(...data.subarray(value, value + length));
      // RFC 2132, 3.14; what is none is nobody's name.
      if (/^[\w.-]+$/.test(name)) request.name = name;
    }
    if (data[at] === OPTION.SERVER && length === 4) request.server = get32(data, value);
    at = value + length;
  }
  return request.type === 0 ? null : request;
}

const option = (code: number, value: Uint8Array): Uint8Array => concat(Uint8Array.of(code, value.length), value);
function option32(code: number, value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  put32(bytes, 0, value);
  return option(code, bytes);
}

/** The answer to a request of a client whose lease is `lease`; null: none is due. `nak`: it says no, and goes to everybody. `isGiven`: the client has the lease from now on. */
export function answerDhcp(
  request: DhcpRequest,
  lease: number,
  network: DhcpNetwork,
): { message: Uint8Array; nak: boolean; isGiven: boolean } | null {
  let type: number;
  if (request.type === DISCOVER) type = OFFER;
  else if (request.type === INFORM) type = ACK;
  else if (request.type === REQUEST) {
    // Another server was chosen.
    if (request.server !== 0 && request.server !== network.server) return null;
    type = (request.requested || request.clientAddress) === lease ? ACK : NAK;
  } else return null;
  const nak = type === NAK;

  const fixed = new Uint8Array(FIXED_BYTES + 4);
  fixed[0] = 2;
  fixed[1] = 1;
  fixed[2] = 6;
  put32(fixed, 4, request.transaction);
  if (request.broadcast || nak) put16(fixed, 10, 0x8000);
  if (!nak) {
    put32(fixed, 12, request.type === DISCOVER ? 0 : request.clientAddress);
    put32(fixed, 16, request.type === INFORM ? 0 : lease);
    put32(fixed, 20, network.server);
    fixed.set(ascii(network.bootFile ?? '').subarray(0, 127), 108);
  }
  fixed.set(request.hardware, 28);
  put32(fixed, FIXED_BYTES, MAGIC);

  const options = [option(OPTION.TYPE, Uint8Array.of(type)), option32(OPTION.SERVER, network.server)];
  if (!nak) {
    if (request.type !== INFORM) {
      options.push(
        option32(OPTION.LEASE, LEASE_SECONDS),
        option32(OPTION.RENEW, LEASE_SECONDS / 2),
        option32(OPTION.REBIND, (LEASE_SECONDS / 8) * 7),
      );
    }
    options.push(
      option32(OPTION.MASK, network.mask),
      option32(OPTION.ROUTER, network.router),
      option32(OPTION.DNS, network.dns),
      option32(OPTION.BROADCAST, (lease | ~network.mask) >>> 0),
      option(OPTION.DOMAIN, ascii(network.domain)),
    );
    if (network.bootFile) options.push(option(OPTION.BOOT_FILE, ascii(network.bootFile).subarray(0, 127)));
  }
  const message = concat(fixed, ...options, Uint8Array.of(OPTION.END));
  return {
    message: message.length < MIN_MESSAGE ? concat(message, new Uint8Array(MIN_MESSAGE - message.length)) : message,
    nak,
    isGiven: request.type === REQUEST && !nak,
  };
}
