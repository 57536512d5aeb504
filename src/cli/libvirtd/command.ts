/** `ringside libvirtd`: a host that libvirt's clients manage. */
import { mkdirSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { BootError, HostDefinitionError, type HostState, readHost } from '../../dom0/service/index.ts';
import { HostError } from '../../hypervisor/index.ts';
import { NodeAllowedFiles, NotAllowed } from '../allowed/allowed-files.ts';
import { openNetwork } from '../boot/network.ts';
import { checkForwards, hostForwardWord, netWord } from '../boot/network-words.ts';
import { Output } from '../boot/terminal.ts';
import { hostHere, openNodeState } from '../node-host.ts';
import { OWNER_ONLY_FOLDER } from '../owner-only.ts';
import { JOIN_ABOUT, JOIN_OPTIONS } from '../pool/join-options.ts';
import { driverOf } from '../../dom0/libvirt/index.ts';
import { firstBoot, joiningAsked, putFiles, WrongUse } from '../shell/command.ts';
import { HostRuns } from '../shell/host-runs.ts';
import { StateError } from '../storage/state.ts';
import { ChannelSockets } from './channel-sockets.ts';
import { LibvirtServer, SocketError } from './server.ts';

const WRONG_USE = 2,
  NOT_DONE = 1;
const SOCKET_NAME = 'libvirt-sock';

export const libvirtdHelp = (): string => `Usage: ringside libvirtd --state DIR [options]

A host that libvirt's clients manage: virsh -c 'xen:///system?socket=PATH' list --all

  --state DIR           where its definitions, files and volumes are stored (ringside sh --state DIR uses the same)
  --socket PATH         the UNIX socket, which only its owner may open (DIR/${SOCKET_NAME}); PATH-ro is for clients that only read
  --file SOURCE:PATH    put a file or a folder of this machine at a path of Domain 0 (also several times)
  --allow DIR           disks, CDs and kernels of this machine below DIR are named in XML by their own paths, and pools can be
                        made there (also several times); an image that a guest writes is locked
  --host WORDS          the host's hardware, as in ringside sh
  --hypervisor KIND     xen, or kvm: guests are processes of QEMU, and clients connect to qemu:///system
  --net nat             guests reach what this machine reaches, by TCP and UDP, also from networks that have <forward mode='nat'/>
  --forward RULE        with --net nat: a port of 127.0.0.1 leads to a guest's, as in tcp:2222-192.168.122.2:22 (also several times)
${JOIN_ABOUT}

Other paths in a domain's XML are Domain 0's. Ctrl-C ends the host and its running guests.
`;

function parse(argv: string[]) {
  try {
    const { values } = parseArgs({
      args: argv,
      options: {
        state: { type: 'string' },
        socket: { type: 'string' },
        file: { type: 'string', multiple: true },
        allow: { type: 'string', multiple: true },
        host: { type: 'string' },
        hypervisor: { type: 'string' },
        net: { type: 'string' },
        forward: { type: 'string', multiple: true },
        ...JOIN_OPTIONS,
        help: { type: 'boolean', short: 'h' },
      },
    });
    const net = values.net === undefined ? undefined : netWord(values.net),
      forwards = (values.forward ?? []).map(hostForwardWord);
    checkForwards(net, forwards);
    return { ...values, network: { net, forwards } };
  } catch (error) {
    throw new WrongUse((error as Error).message);
  }
}

/** Runs until it is ended (Ctrl-C). */
export async function libvirtd(argv: string[]): Promise<number> {
  const [stdout, stderr] = [new Output(1), new Output(2)];
  let state: HostState | undefined, network: Awaited<ReturnType<typeof openNetwork>>;
  const refused = (error: Error, status: number): number => (
    stderr.text(`ringside libvirtd: ${error.message}\n`), status
  );
  try {
    const options = parse(argv);
    if (options.help) return (stdout.text(libvirtdHelp()), 0);
    if (options.state === undefined) throw new WrongUse('Write --state DIR: a folder for what the host keeps.');
    const asked = readHost(options.host ?? '');
    const definition = { ...hostHere(), ...asked };
    const joining = joiningAsked(options);
    const { allow = [] } = options;
    const allowed = allow.length > 0 ? new NodeAllowedFiles(allow) : undefined;
    mkdirSync(options.state, { recursive: true, mode: OWNER_ONLY_FOLDER });
    state = await openNodeState(options.state, definition);
    await putFiles(await state.files(), options.file ?? []);
    const first = firstBoot({ hypervisor: options.hypervisor });
    const socket = resolve(options.socket ?? join(options.state, SOCKET_NAME));
    network = await openNetwork(options.network, sentence => stderr.text(`ringside libvirtd: ${sentence}\n`));
    const peer = network?.peer;
    await new HostRuns({ state, definition, asked, first, allowed, join: joining, peer, stdout }).during(
      async host => {
        const server = await LibvirtServer.open(host, socket);
        const channels = new ChannelSockets(
          host,
          resolve(options.state!, 'channel'),
          path => allowed?.has(dirname(path)) ?? false,
          sentence => stderr.text(`ringside libvirtd: ${sentence}\n`),
        );
        stdout.text(`virsh -c '${driverOf(host).uri}?socket=${socket}' manages this host. (Ctrl-C ends it.)\n`);
        await new Promise<void>(ended => {
          process.once('SIGINT', ended);
          process.once('SIGTERM', ended);
        });
        channels.close();
        await server.close();
      },
      sentence => stderr.text(`ringside libvirtd: ${sentence}\n`),
    );
    return 0;
  } catch (error) {
    if (error instanceof WrongUse || error instanceof HostDefinitionError || error instanceof NotAllowed)
      return refused(error, WRONG_USE);
    if ([StateError, BootError, HostError, SocketError].some(kind => error instanceof kind))
      return refused(error as Error, NOT_DONE);
    throw error;
  } finally {
    network?.close();
    state?.close();
  }
}
