/** Debian's virtio_console: a channel comes while it runs, goes with it to another host as those do that it began with, and goes. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { FILE, writeCpio } from '../../src/formats/file-systems/cpio.ts';
import { pair, running, watch, xl } from '../../src/dom0/pool/migration/pair.test-support.ts';
import { until } from '../../src/dom0/service/host.test-support.ts';
import type { Host } from '../../src/dom0/service/host.ts';
import { plugChannel, unplugChannel } from '../../src/dom0/toolstack/kinds/kvm/channel-hotplug.ts';
import { haveGuests, NEEDS_GUESTS } from '../support/guests.ts';
import { file } from '../support/needs.ts';

/** A program that opens a port of these says back what it hears, each time that one has come. */
const PROFILE = `mirror() { while [ -e /dev/$1 ]; do while read -r line; do echo "$2: $line"; done <> /dev/$1 >&0 2>/dev/null; sleep 0.1; done; }
cd /sys/class/virtio-ports
seen=
echo PORTS-READY
while :; do
  for port in vport*; do
    [ -e $port/name ] || continue
    case "$seen" in *" $port "*) continue;; esac
    seen="$seen $port "
    read name < $port/name
    echo "CAME $port $name"
    (cd /; mirror $port $name) &
  done
  for port in $seen; do [ -e $port ] || { echo "WENT $port"; seen="\${seen%% $port *}\${seen#* $port }"; }; done
  sleep 0.2
done
`;

/** A client of a channel; what it has heard so far. */
function connect(host: Host, name: string) {
  const [member] = [...host.toolstack.members.values()];
  let heard = '';
  const end = member!.channels!.get(name)!.connect({
    bytes: bytes => void (heard += new TextDecoder().decode(bytes)),
    closed: () => (heard += '(closed)'),
  })!;
  return { end, heard: () => heard };
}

/** Sends a line to a channel; what comes back, until its first line has ended: then the next client may come. */
function say(host: Host, name: string, line: string): () => string {
  const { end, heard } = connect(host, name);
  void end.write(new TextEncoder().encode(`${line}\n`));
  return () => {
    if (heard().includes('\n')) end.close();
    return heard();
  };
}

it.skipIf(!haveGuests)(
  `a Debian guest of KVM takes its channels to another host, with one that came while it ran ${NEEDS_GUESTS}`,
  async () => {
    const { a, b } = pair({}, 400);
    const folder = file('.cache/guests/debian-686-pae');
    const initrd = readFileSync(join(folder, 'initrd-modules'));
    const profile = writeCpio([{ path: 'etc/profile', mode: FILE, data: new TextEncoder().encode(PROFILE) }]);
    const config = `name = "web"\ntype = "hvm"\nkvm = 1\nmemory = 128\nkernel = "vmlinuz"\nramdisk = "initrd"\nvirtio = ["rng", "channel,name=one"]\ncmdline = "console=ttyS0,115200 cryptomgr.notests mods=virtio_pci,virtio_console"\n`;
    const { id } = await a.create([
      { name: 'web.cfg', data: new Blob([config]) },
      { name: 'vmlinuz', data: new Blob([readFileSync(join(folder, 'vmlinuz'))]) },
      {
        name: 'initrd',
        data: new Blob([initrd, new Uint8Array(-initrd.length & 3), profile as Uint8Array<ArrayBuffer>]),
      },
    ]);
    const here = await watch(a, id);
    await until(() => here.text().includes('CAME vport1p1 one'), 400);
    await plugChannel(a.toolstack, a.domains.member(id), { name: 'two' });
    await until(() => here.text().includes('CAME vport1p2 two'), 400);
    const first = say(a, 'two', 'hello');
    await until(() => first().includes('hello\n'), 400);

    // The client of a channel is notified when it goes away.
    const left = connect(a, 'one');
    expect((await xl(a, 'migrate', '--live', 'web', 'b')).err).toBe('');
    expect([await running(a), await running(b)]).toEqual([[], ['web']]);
    await until(() => left.heard().endsWith('(closed)'));
    const [member] = [...b.toolstack.members.values()];
    expect(member!.blueprint.definition.virtio).toEqual(['rng', 'channel,name=one,port=1', 'channel,name=two,port=2']);
    for (const name of ['one', 'two']) {
      const back = say(b, name, `at b ${name}`);
      await until(() => back().includes(`${name}: at b ${name}\n`), 400);
    }
    const there = await watch(b, member!.record.id);
    await unplugChannel(b.toolstack, member!, 'two');
    await until(() => there.text().includes('WENT vport1p2'), 400);
    // Another may come as the same port.
    await plugChannel(b.toolstack, member!, { name: 'three' });
    await until(() => there.text().includes('CAME vport1p2 three'), 400);
    const back = say(b, 'three', 'again');
    await until(() => back().includes('three: again\n'), 400);
  },
  1_500_000,
);
