/** One client of the daemon: its packets become calls, calls their answers, and streams go on until somebody ends them. */
import { concat } from '../../formats/bytes/index.ts';
import { decode, encode, unsigned, XdrError } from '../../formats/xdr/index.ts';
import type { ByteChannel } from '../../dom0/host/nbd/index.ts';
import type { CommandHost } from '../../dom0/toolstack/index.ts';
import {
  errorDomainOf,
  type KeptEvent,
  LibvirtError,
  libvirtErrorOf,
  type DomainEvent,
} from '../../dom0/libvirt/index.ts';
import type { Descriptors, Pair } from './descriptors.ts';
import { DOMAIN_EVENTS, procedureOf } from './domain-events.ts';
import { refuseUnknownFlags } from './known-flags.ts';
import { type Packet, PacketError, PacketReader, packetOf, packetWith } from './packets.ts';
import type { Caller, Connection, Table, Told } from './procedure.ts';
import {
  functionOf,
  KEEPALIVE,
  KEEPALIVE_PROGRAM,
  procedureName,
  procedureNumber,
  QEMU_NAMES,
  QEMU_PROGRAM,
  REMOTE_PROGRAM,
  STATUS,
  STREAM_BYTES,
  TYPE,
  VERSION,
} from './protocol.ts';
import type { Stream } from './stream.ts';
import { error as errorType, type Header, keptEvent, refreshEvent } from './types.ts';

/** Calls under way at once (max_client_requests of libvirtd.conf); later ones wait, and no more is read meanwhile. */
const MOST_CALLS = 5;
/** Who does not read what it is sent is hung up on. */
const MOST_WAITING_BYTES = 16 * 2 ** 20;
/** Of a stream that has more; the rest waits until the caller has taken them. */
const FEW_WAITING_BYTES = 2 ** 20;
/** VIR_ERR_ERROR. */
const LEVEL_ERROR = 2;
/** VIR_NETWORK_EVENT_ID_LIFECYCLE and that of pools; VIR_STORAGE_POOL_EVENT_ID_REFRESH. */
const LIFECYCLE = 0,
  REFRESH = 1;

type Serve = Parameters<Caller['give']>[0];

export class Client {
  readonly host: CommandHost;
  private readonly channel: ByteChannel;
  private readonly table: Table;
  private readonly reader = new PacketReader();
  private readonly waiting: Packet[] = [];
  private calls = 0;
  private isGone = false;
  private opened: Connection | undefined;
  private readonly mayChange: boolean;
  /** By the number of the call that began it. */
  private readonly streams = new Map<number, Stream>();
  /** By the number that the client has for it. */
  private readonly subscriptions = new Map<number, { kind: Told; event: number; uuid: string | undefined }>();
  private callbacks = 0;
  /** Streams that wait for the caller to take what it was sent. */
  private readonly drained = new Set<() => void>();
  private readonly descriptors: Descriptors | undefined;
  /** The last of the answers with a descriptor, each of which waits for the one before. */
  private given: Promise<void> = Promise.resolve();
  /** What is to be sent meanwhile: between a packet and its descriptor there is nothing. */
  private held: Uint8Array[] | undefined;
  private heldBytes = 0;

  /** `descriptors`: absent where it is given none. `mayChange`: false at the socket of those who only read. */
  constructor(
    host: CommandHost,
    channel: ByteChannel,
    table: Table,
    gone: () => void,
    descriptors?: Descriptors,
    mayChange = true,
  ) {
    this.mayChange = mayChange;
    this.host = host;
    this.channel = channel;
    this.table = table;
    this.descriptors = descriptors;
    channel.listen(
      bytes => this.hear(bytes),
      () => {
        this.isGone = true;
        this.waiting.length = 0;
        this.goOn();
        for (const stream of this.streams.values()) stream.end();
        this.streams.clear();
        gone();
      },
    );
    channel.onDrained(() => this.goOn());
  }

  private goOn(): void {
    for (const resolve of this.drained) resolve();
    this.drained.clear();
  }

  /** Hangs up. */
  end(): void {
    this.channel.close();
  }

  /** Something has become of a domain. */
  tell(told: DomainEvent): void {
    const { domain } = told;
    const { id, message } = DOMAIN_EVENTS[told.kind];
    const procedure = procedureNumber(procedureOf(told.kind));
    for (const [callback, wanted] of this.subscriptions) {
      if (wanted.kind !== 'domain' || wanted.event !== id || (wanted.uuid ?? domain.uuid) !== domain.uuid) continue;
      this.send(packetOf(this.head({ procedure, type: TYPE.MESSAGE }), message(callback, told)));
    }
  }

  /** Something has become of a network or a pool. */
  tellOf(kind: 'network' | 'pool', { of, event }: KeptEvent): void {
    const isRefresh = event === 'refreshed';
    const id = isRefresh ? REFRESH : LIFECYCLE;
    const procedure = procedureNumber(
      kind === 'network'
        ? 'network_event_lifecycle'
        : isRefresh
          ? 'storage_pool_event_refresh'
          : 'storage_pool_event_lifecycle',
    );
    for (const [callback, wanted] of this.subscriptions) {
      if (wanted.kind !== kind || wanted.event !== id || (wanted.uuid ?? of.uuid) !== of.uuid) continue;
      const head = this.head({ procedure, type: TYPE.MESSAGE });
      this.send(
        isRefresh
          ? packetWith(head, refreshEvent, { callback, of })
          : packetWith(head, keptEvent, { callback, of, event, detail: 0 }),
      );
    }
  }

  private hear(bytes: Uint8Array<ArrayBuffer>): void {
    try {
      for (const packet of this.reader.take(bytes)) {
        if (this.isGone) return;
        this.take(packet);
      }
    } catch (error) {
      if (!(error instanceof PacketError)) throw error;
      this.end();
    }
  }

  private take(packet: Packet): void {
    const { header } = packet;
    const { program, version, type, procedure, serial } = header;
    if (program === KEEPALIVE_PROGRAM && version === VERSION) {
      if (procedure === KEEPALIVE.PING)
        this.send(packetOf({ ...header, procedure: KEEPALIVE.PONG, type: TYPE.MESSAGE }, new Uint8Array()));
      return;
    }
    if (type === TYPE.STREAM) return this.onStream(serial, packet);
    if (type !== TYPE.CALL && type !== TYPE.CALL_WITH_FDS) return;
    this.waiting.push(packet);
    this.next();
  }

  /** Begins calls while there is room for them. */
  private next(): void {
    while (this.calls < MOST_CALLS) {
      const packet = this.waiting.shift();
      if (!packet) break;
      this.calls++;
      void this.call(packet).finally(() => {
        this.calls--;
        this.next();
      });
    }
    if (this.waiting.length > 0) this.channel.pause();
    else this.channel.resume();
  }

  private async call({ header, payload }: Packet): Promise<void> {
    const { serial, program, procedure: number } = header;
    try {
      const { result, stream, serve } = await this.run(header, payload);
      const head = this.head({ program, procedure: number, type: TYPE.REPLY, serial });
      if (serve) return await this.give(head, result, serve);
      this.send(packetOf(head, result));
      if (stream) this.begin(stream, number, serial);
    } catch (error) {
      this.refuse({ procedure: number, type: TYPE.REPLY, serial }, libvirtErrorOf(error), program);
    }
  }

  /** @throws LibvirtError, or what the toolstack throws */
  private async run(
    { program, version, procedure: number, status, type }: Header,
    payload: Uint8Array,
  ): Promise<{ result: Uint8Array; stream?: Stream | undefined; serve?: Serve | undefined }> {
    const wrong = (detail: string): LibvirtError => new LibvirtError('RPC', detail, 'rpc');
    if ((program !== REMOTE_PROGRAM && program !== QEMU_PROGRAM) || version !== VERSION)
      throw wrong(`Cannot find program ${program} version ${version}`);
    if (status !== STATUS.OK) throw wrong(`Unexpected message status ${status}`);
    if (type !== TYPE.CALL) throw wrong('No file descriptors are taken here');
    const name = program === QEMU_PROGRAM ? QEMU_NAMES[number - 1] : procedureName(number);
    if (name === undefined) throw wrong(`unknown procedure: ${number}`);
    const row = Object.hasOwn(this.table, name) ? this.table[name]! : undefined;
    if (!row) throw new LibvirtError('NO_SUPPORT', functionOf(name), 'domain');
    if (!row.early && !this.opened) throw new LibvirtError('INTERNAL_ERROR', 'hypervisor connection not open', 'rpc');
    let given: unknown;
    try {
      given = decode(row.arguments, payload);
    } catch (error) {
      if (!(error instanceof XdrError)) throw error;
      throw wrong('Unable to decode message payload');
    }
    if (this.opened?.isReadOnly && row.changes(given))
      throw new LibvirtError('OPERATION_DENIED', `read only access prevents ${functionOf(name)}`, 'domain');
    refuseUnknownFlags(this.host, name, given);
    let stream: Stream | undefined, serve: Serve | undefined;
    const answer = await row.run(this.asCaller({ stream: begun => (stream = begun), give: to => (serve = to) }), given);
    try {
      return { result: encode(row.result, answer), stream, serve };
    } catch (error) {
      if (!(error instanceof XdrError)) throw error;
      throw wrong('Unable to encode message payload');
    }
  }

  private asCaller(further: Pick<Caller, 'stream' | 'give'>): Caller {
    const client = this;
    return {
      host: this.host,
      get connection() {
        return client.opened;
      },
      open: connection => {
        client.opened = { ...connection, isReadOnly: connection.isReadOnly || !client.mayChange };
      },
      close: () => {
        client.opened = undefined;
        client.subscriptions.clear();
      },
      subscribe: (event, uuid, kind = 'domain') => {
        client.subscriptions.set(client.callbacks, { kind, event, uuid });
        return client.callbacks++;
      },
      unsubscribe: callback => {
        if (!client.subscriptions.delete(callback))
          throw new LibvirtError('INVALID_ARG', `domain event callback ${callback} not registered`, 'rpc');
      },
      takesDescriptors: async () => (await this.descriptors?.areSent()) ?? false,
      ...further,
    };
  }

  /** Answers with a descriptor, whose other end `serve` gets. @throws Error with a sentence: nothing was sent */
  private async give(head: Header, result: Uint8Array, serve: Serve): Promise<void> {
    if (!this.descriptors)
      throw new LibvirtError('ARGUMENT_UNSUPPORTED', 'fd passing is not supported by this connection', 'rpc');
    const pair = await this.descriptors.pair();
    this.given = this.given.then(() => this.giveNow(pair, head, result, serve));
    await this.given;
  }

  private async giveNow(pair: Pair, head: Header, result: Uint8Array, serve: Serve): Promise<void> {
    if (this.isGone) return pair.close();
    const withOne = concat(encode(unsigned, 1), result);
    this.held = [];
    try {
      serve(await pair.send(packetOf({ ...head, type: TYPE.REPLY_WITH_FDS }, withOne)));
    } catch {
      // Whatever else is sent, it would take for its descriptor.
      this.end();
      this.held = [];
    }
    const { held } = this;
    this.held = undefined;
    this.heldBytes = 0;
    for (const each of held) this.send(each);
    if (this.waitingBytes < FEW_WAITING_BYTES) this.goOn();
  }

  private begin(stream: Stream, procedure: number, serial: number): void {
    if (this.isGone) return stream.end();
    this.streams.set(serial, stream);
    const said = (status: number, bytes: Uint8Array): void => {
      if (this.streams.get(serial) === stream)
        this.send(packetOf(this.head({ procedure, type: TYPE.STREAM, serial, status }), bytes));
    };
    stream.begin({
      send: bytes => {
        for (let at = 0; at < bytes.length; at += STREAM_BYTES)
          said(STATUS.CONTINUE, bytes.subarray(at, at + STREAM_BYTES));
      },
      // A message without bytes is the end of what is read; the client finishes then.
      finish: () => said(STATUS.CONTINUE, new Uint8Array()),
      fail: error => {
        if (this.streams.get(serial) !== stream) return;
        this.streams.delete(serial);
        stream.end();
        this.refuse({ procedure, type: TYPE.STREAM, serial }, libvirtErrorOf(error), REMOTE_PROGRAM);
      },
      drained: () =>
        this.isGone || this.waitingBytes < FEW_WAITING_BYTES
          ? Promise.resolve()
          : new Promise(resolve => this.drained.add(resolve)),
    });
  }

  private onStream(serial: number, { header: { procedure, status }, payload }: Packet): void {
    const stream = this.streams.get(serial);
    // What comes behind the end of a stream was under way.
    if (!stream) return;
    const head = { procedure, type: TYPE.STREAM, serial };
    const ended = (): void => this.send(packetOf(this.head(head), new Uint8Array()));
    const failed = (error: unknown): void => this.refuse(head, libvirtErrorOf(error), REMOTE_PROGRAM);
    if (status === STATUS.CONTINUE) {
      try {
        if (!stream.receive) throw new LibvirtError('INVALID_ARG', 'this stream is not written to', 'streams');
        return stream.receive(payload);
      } catch (error) {
        this.streams.delete(serial);
        stream.end();
        return failed(error);
      }
    }
    this.streams.delete(serial);
    if (status === STATUS.OK && stream.finish) return void stream.finish().then(ended, failed);
    stream.end();
    ended();
  }

  private head(of: Pick<Header, 'procedure' | 'type'> & Partial<Header>): Header {
    return { program: REMOTE_PROGRAM, version: VERSION, serial: 0, status: STATUS.OK, ...of };
  }

  private refuse(of: Pick<Header, 'procedure' | 'type' | 'serial'>, error: LibvirtError, program: number): void {
    const { code, message } = error;
    this.send(
      packetWith(this.head({ ...of, program, status: STATUS.ERROR }), errorType, {
        code,
        domain: errorDomainOf(this.host, error),
        message,
        level: LEVEL_ERROR,
        dom: undefined,
        str1: '%s',
        str2: message,
        str3: undefined,
        int1: -1,
        int2: -1,
        net: undefined,
      }),
    );
  }

  private send(packet: Uint8Array): void {
    if (this.isGone) return;
    if (this.held) {
      this.held.push(packet);
      this.heldBytes += packet.length;
    } else this.channel.send(packet);
    if (this.waitingBytes > MOST_WAITING_BYTES) this.end();
  }

  private get waitingBytes(): number {
    return this.channel.waitingBytes + this.heldBytes;
  }
}
