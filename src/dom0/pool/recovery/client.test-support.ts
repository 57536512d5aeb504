/**
 * Somebody outside who asks a guest again and again, and writes down what it was answered: minipv numbers the packets that it sends (IP's identification) in its own
 * memory, so that each answer to a ping says how far it is.
 */
import {
  ARP_REPLY,
  ARP_REQUEST,
  arpFrame,
  ETHERTYPE_ARP,
  get16,
  get32,
  HEADER_BYTES,
  ICMP_ECHO,
  icmpFrame,
  parseAddress,
  parseIp,
  PROTOCOL_ICMP,
} from '../../../devices/net/index.ts';
import type { BridgePort } from '../../host/network/index.ts';
import type { CommandHost } from '../../toolstack/index.ts';

const MAC = Uint8Array.of(2, 0, 0, 0, 0, 0x77),
  NOBODY = new Uint8Array(6);
const ADDRESS = parseAddress('10.0.2.77');
const IP_ID = 4;

export interface Answer {
  atMs: number;
  /** Packets that the guest has sent by then. */
  count: number;
}

export class Client {
  readonly answers: Answer[] = [];
  private readonly host: CommandHost;
  private readonly guest: number;
  private readonly port: BridgePort;
  private readonly nowMs: () => number;
  private guestMac: Uint8Array | undefined;
  private sequence = 0;

  /** On the bridge of a host. */
  constructor(host: CommandHost, guest: string, nowMs: () => number) {
    this.host = host;
    this.guest = parseAddress(guest);
    this.nowMs = nowMs;
    this.port = host.toolstack.services.network.bridge.addPort('client', { deliver: ({ bytes }) => this.hear(bytes) });
  }

  get last(): Answer | undefined {
    return this.answers.at(-1);
  }

  /** The guest has forgotten what it had answered. */
  get wentBack(): boolean {
    return this.answers.some(({ count }, i) => i > 0 && count <= this.answers[i - 1]!.count);
  }

  /** One more time. */
  ask(): void {
    const path = { fromMac: MAC, from: ADDRESS, to: this.guest };
    const { guestMac } = this;
    this.port.input({
      bytes: guestMac
        ? icmpFrame({ ...path, toMac: guestMac }, ICMP_ECHO, 0, ++this.sequence, new Uint8Array(32))
        : arpFrame(ARP_REQUEST, { ...path, toMac: NOBODY }),
    });
    this.host.toolstack.wakeDomain0();
  }

  close(): void {
    this.port.remove();
  }

  private hear(frame: Uint8Array): void {
    if (get16(frame, 12) === ETHERTYPE_ARP) return this.hearArp(frame.subarray(HEADER_BYTES), frame.slice(6, 12));
    const packet = parseIp(frame);
    if (packet?.protocol !== PROTOCOL_ICMP || packet.source !== this.guest || packet.destination !== ADDRESS) return;
    const before = this.last?.count ?? 0;
    // Of 16 bits: it is nearer to what it was last than half of them.
    const further = ((get16(frame, HEADER_BYTES + IP_ID) - before) << 16) >> 16;
    this.answers.push({ atMs: this.nowMs(), count: before + further });
  }

  private hearArp(arp: Uint8Array, from: Uint8Array): void {
    if (get32(arp, 24) !== ADDRESS || get32(arp, 14) !== this.guest) return;
    this.guestMac = from;
    if (get16(arp, 6) !== ARP_REPLY)
      this.port.input({ bytes: arpFrame(ARP_REPLY, { fromMac: MAC, from: ADDRESS, toMac: from, to: this.guest }) });
  }
}
