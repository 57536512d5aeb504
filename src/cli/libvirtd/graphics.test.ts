/** Clients of a screen that have it by a descriptor: python3-libvirt, and Python's own sockets for what is on the wire. */
import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { program } from '../../../test/support/needs.ts';
import type { ByteChannel } from '../../dom0/host/nbd/index.ts';
import { startKvm } from '../../dom0/service/index.ts';
import { RfbServer, screenOf } from '../rfb/index.ts';
import { Client } from './client.ts';
import { type Descriptors, descriptorsFor, type Pair } from './descriptors.ts';
import { packetOf } from './packets.ts';
import { FEATURE, procedureNumber, REMOTE_PROGRAM, TYPE, VERSION } from './protocol.ts';
import { PROCEDURES } from './table.ts';
import { daemon } from './virsh.test-support.ts';

const PYTHON = '/usr/bin/python3';
const hasBinding = existsSync('/usr/lib/python3/dist-packages/libvirt.py');

const python = (script: string, ...words: string[]): Promise<string> =>
  new Promise(resolve =>
    execFile(
      PYTHON,
      ['-c', script, ...words],
      { env: { ...process.env, LC_ALL: 'C.UTF-8' } },
      (error, stdout, stderr) => resolve(error ? `${error.code}: ${stdout}${stderr}` : stdout),
    ),
  );

const GRAPHICS = "<graphics type='vnc' port='-1' passwd='s3cret'/>";
const domain = (name: string, graphics: string): string =>
  `<domain type='kvm'><name>${name}</name><memory unit='MiB'>8</memory><vcpu>1</vcpu><os><type>hvm</type><kernel>/boot/demo.elf</kernel></os><devices>${graphics}</devices></domain>`;

const WITH_BINDING = `
import libvirt, os, socket, sys
libvirt.registerErrorHandler(lambda *_: None, None)
uri, shown, hidden, without = sys.argv[1:]
connection = libvirt.open(uri)
def begun(domain, index, flags):
  try:
    screen = socket.socket(fileno=domain.openGraphicsFD(index, flags))
  except libvirt.libvirtError as error:
    return str(error)
  greeting = screen.recv(12)
  screen.sendall(greeting)
  return greeting, screen.recv(2)
domain = connection.createXML(shown)
for call in ((0, 0), (0, 1), (1, 0), (0, 2)): print(begun(domain, *call))
print(domain.isActive(), connection.getHostname())
print(begun(connection.createXML(hidden), 0, 0))
print(begun(connection.createXML(without), 0, 0))
print(begun(connection.defineXML(shown.replace('>a<', '>b<')), 0, 0))
print(begun(libvirt.openReadOnly(uri).lookupByName('a'), 0, 0))
`;

it.skipIf(!hasBinding)('a screen is opened by a descriptor [needs python3-libvirt]', async () => {
  const screens = new Map<unknown, RfbServer>();
  const { socket } = await daemon({
    hypervisor: startKvm({ pcpus: 1, memoryMiB: 60, vt: true, diskBytes: 0 }, ''),
    showScreenTo: (toolstack, member, channel, isTrusted) => {
      const now = () => toolstack.members.get(member.record.id);
      const found =
        screens.get(member) ?? new RfbServer(screenOf(toolstack, { name: member.name, epochMs: () => 0 }, now));
      screens.set(member, found);
      found.serve(channel, isTrusted);
    },
  });
  const said = await python(
    WITH_BINDING,
    `qemu:///system?socket=${socket}`,
    domain('a', GRAPHICS),
    domain('hidden', "<graphics type='vnc'><listen type='none'/></graphics>"),
    domain('without', ''),
  );
  expect(said.trimEnd().split('\n')).toEqual([
    // VNC authentication and none, as the flag says (RFC 6143, 7.1.2).
    String.raw`(b'RFB 003.008\n', b'\x01\x02')`,
    String.raw`(b'RFB 003.008\n', b'\x01\x01')`,
    'internal error: No graphics backend with index 1',
    'unsupported flags (0x2) in function qemuDomainOpenGraphicsFD',
    '1 ringside',
    String.raw`(b'RFB 003.008\n', b'\x01\x01')`,
    'internal error: No graphics backend with index 0',
    'Requested operation is not valid: domain is not running',
    'operation forbidden: read only access prevents virDomainOpenGraphicsFD',
  ]);
});

it.skipIf(!hasBinding)('libxl has no such function [needs python3-libvirt]', async () => {
  const { socket } = await daemon();
  const said = await python(
    WITH_BINDING.replaceAll("'kvm'", "'xen'"),
    `xen:///system?socket=${socket}`,
    ...['a', 'c', 'd'].map(name => domain(name, GRAPHICS).replace("'kvm'", "'xen'")),
  );
  expect(said.split('\n')[0]).toBe('this function is not supported by the connection driver: virDomainOpenGraphicsFD');
});

const BARE = `
import array, socket, sys
client = socket.socket(socket.AF_UNIX)
client.connect(sys.argv[1])
client.sendall(b'before')
packet = client.recv(6, socket.MSG_WAITALL)
data, ancillary, _, _ = client.recvmsg(1, socket.CMSG_LEN(4))
screen = socket.socket(fileno=array.array('i', ancillary[0][2])[0])
client.sendall(b'after')
screen.sendall(b'at the screen')
print(packet, data, screen.recv(100), client.recv(100))
`;

describe.skipIf(!program('python3'))('a descriptor [needs python3]', () => {
  it('comes behind its packet, and the socket is read on', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'ringside-fd-'));
    const path = join(directory, 'sock');
    const heard: string[] = [];
    const server = createServer((socket: Socket) => {
      socket.on('data', bytes => heard.push(String(bytes)));
      const descriptors = descriptorsFor(socket);
      void descriptors.pair().then(async pair => {
        const screen = await pair.send(new TextEncoder().encode('packet'));
        screen.listen(
          bytes => {
            heard.push(new TextDecoder().decode(bytes));
            screen.send(new TextEncoder().encode('seen'));
            socket.write('told');
          },
          () => {},
        );
      });
    });
    onTestFinished(() => {
      server.close();
      rmSync(directory, { recursive: true });
    });
    await new Promise<void>(resolve => void server.listen(path, resolve));
    expect(await python(BARE, path)).toBe(`b'packet' b'\\x00' b'seen' b'told'\n`);
    expect(heard.sort()).toEqual(['after', 'at the screen', 'before']);
  });
});

/** A client without a socket: what it is sent. */
function client(descriptors?: Descriptors) {
  const sent: string[] = [];
  let hear = (_bytes: Uint8Array<ArrayBuffer>): void => {};
  const channel: ByteChannel = {
    send: bytes => {
      const view = new DataView(bytes.buffer, bytes.byteOffset);
      sent.push(`${['call', 'reply', 'message', 'stream', 'call+', 'reply+'][view.getInt32(16)]} ${view.getInt32(20)}`);
    },
    waitingBytes: 0,
    onDrained: () => {},
    listen: listener => (hear = listener),
    pause: () => {},
    resume: () => {},
    close: () => sent.push('hung up'),
  };
  const give = {
    ...PROCEDURES.connect_is_secure!,
    early: true,
    run: (caller: { give(serve: unknown): void }) => caller.give(() => {}),
  };
  const table = {
    ...PROCEDURES,
    connect_get_uri: give as never,
    connect_get_type: { ...give, run: () => ({ secure: 1 }) },
  };
  new Client({ toolstack: { hypervisor: { kind: 'kvm' } } } as never, channel, table, () => {}, descriptors);
  const call = (name: string, serial: number, payload = new Uint8Array()): void =>
    hear(
      packetOf(
        {
          program: REMOTE_PROGRAM,
          version: VERSION,
          procedure: procedureNumber(name),
          type: TYPE.CALL,
          serial,
          status: 0,
        },
        payload,
      ),
    );
  return { sent, call };
}
const turn = (): Promise<void> => new Promise(resolve => void setImmediate(resolve));

describe('an answer with a descriptor', () => {
  it('has nothing between it and the descriptor', async () => {
    const ends: (() => void)[] = [];
    const sent: string[] = [];
    const pair = (): Promise<Pair> =>
      Promise.resolve({
        send: packet => {
          sent.push(`with ${new DataView(packet.buffer).getInt32(20)}, ${packet.length} bytes`);
          return new Promise(resolve => void ends.push(() => resolve({} as ByteChannel)));
        },
        close: () => {},
      });
    const { sent: plain, call } = client({ areSent: () => Promise.resolve(true), pair });
    for (const serial of [1, 2]) call('connect_get_uri', serial);
    call('connect_get_type', 3);
    await turn();
    call('connect_get_type', 4);
    await turn();
    // A length, a header, how many descriptors there are, and the result.
    expect([sent, plain]).toEqual([['with 1, 36 bytes'], ['reply 3']]);
    ends.shift()!();
    await turn();
    expect([sent, plain]).toEqual([
      ['with 1, 36 bytes', 'with 2, 36 bytes'],
      ['reply 3', 'reply 4'],
    ]);
  });

  it('ends the connection where the descriptor cannot follow, and is an error where nothing was sent', async () => {
    const broken = client({
      areSent: () => Promise.resolve(true),
      pair: () => Promise.resolve({ send: () => Promise.reject(new Error('gone')), close: () => {} }),
    });
    broken.call('connect_get_uri', 1);
    await turn();
    expect(broken.sent).toEqual(['hung up']);
    const none = client({ areSent: () => Promise.resolve(true), pair: () => Promise.reject(new Error('no python3')) });
    none.call('connect_get_uri', 1);
    await turn();
    expect(none.sent).toEqual(['reply 1']);
  });

  it('is not promised where this machine has nothing that sends one', async () => {
    const supports = async (descriptors?: Descriptors): Promise<unknown> =>
      PROCEDURES.connect_supports_feature!.run(
        { takesDescriptors: async () => (await descriptors?.areSent()) ?? false } as never,
        { feature: FEATURE.FD_PASSING },
      );
    expect(await supports()).toEqual({ supported: 0 });
    expect(await supports({ areSent: () => Promise.resolve(true) } as Descriptors)).toEqual({ supported: 1 });
  });
});
