/** A Debian guest on the network of this computer: its wget gets and sends by the NAT, and a forward leads to its httpd. */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createServer } from 'node:http';
import { type AddressInfo, createServer as createTcpServer, type Server } from 'node:net';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Ringside } from '../support/command-line.ts';
import { Shell } from '../support/guest-shell.ts';
import { NEEDS_GUESTS } from '../support/guests.ts';
import { file } from '../support/needs.ts';

const MIB = 2 ** 20;
/** Which port of loopback it is. */
async function listen(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  return (server.address() as AddressInfo).port;
}

const md5 = (bytes: Uint8Array): string => createHash('md5').update(bytes).digest('hex');
const noise = Uint8Array.from({ length: 4 * MIB }, (_, i) => Math.imul(i, 2654435761) >>> 13);

describe.each([
  ['debian-686-pae', 'virtio'],
  ['debian-686-pae', 'pcnet'],
])(`%s with %s and --net nat ${NEEDS_GUESTS}`, (name, nic) => {
  const guest = file(`.cache/guests/${name}`);

  it.skipIf(!existsSync(guest))('gets and sends, is refused, and is reached by a forward', async () => {
    const port = await listen(createServer((_request, response) => void response.end(noise)));
    // It answers once it has all, by the sum of it.
    const summing = createTcpServer({ allowHalfOpen: true }, socket => {
      const hash = createHash('md5');
      socket.on('data', data => hash.update(data)).on('end', () => socket.end(hash.digest('hex')));
    });
    const sumPort = await listen(summing);
    const closed = createTcpServer();
    const closedPort = await listen(closed);
    closed.close();

    const vm = new Ringside(
      'boot',
      ...['--kernel', join(guest, 'vmlinuz'), '--initrd', join(guest, 'initrd-modules'), '--memory', '192'],
      ...[
        '--cmdline',
        `console=ttyS0,115200 cryptomgr.notests mods=${nic === 'virtio' ? 'virtio_pci,virtio_net' : 'pcnet32'} dhcp=1`,
      ],
      ...['--nic', nic, '--net', 'nat', '--forward', 'tcp:0-:80'],
    );
    onTestFinished(() => vm.kill());
    const shell = new Shell(vm);
    await shell.boot();
    await shell.run(
      'for i in $(seq 60); do ip addr show eth0 | grep -q 10.0.2.15 && break; sleep 1; done; ip addr show eth0 | grep 10.0.2.15',
    );

    // By the gateway's name: the network's own name server answers.
    const url = `http://gateway.ringside:${port}`;
    expect(await shell.run(`wget -q -O - ${url}/ | md5sum`)).toContain(md5(noise));
    await shell.run('dd if=/dev/urandom of=/tmp/noise bs=1M count=4');
    const sum = await shell.run('md5sum < /tmp/noise');
    expect(sum).toContain(await shell.run(`nc 10.0.2.2 ${sumPort} < /tmp/noise`));
    expect(await shell.run(`wget -O - http://10.0.2.2:${closedPort}/ 2>&1 || true`)).toContain('Connection refused');
    // This computer by another of its addresses.
    const own = Object.values(networkInterfaces())
      .flat()
      .find(each => each?.family === 'IPv4' && !each.internal)?.address;
    if (own !== undefined)
      expect(await shell.run(`wget -O - http://${own}:${port}/ 2>&1 || true`)).toContain('No route to host');

    // From here to the guest's httpd.
    await shell.run('mkdir /tmp/www; cp /tmp/noise /tmp/www/; httpd -h /tmp/www -p 80');
    const forward = /127\.0\.0\.1:(\d+) \(tcp\) leads to port 80 of 10\.0\.2\.15/.exec(vm.errors)![1];
    const answers = await Promise.all(
      [1, 2, 3].map(async () => (await fetch(`http://127.0.0.1:${forward}/noise`)).arrayBuffer()),
    );
    for (const answer of answers) expect(sum).toContain(md5(new Uint8Array(answer)));
    vm.send('poweroff -f\n');
    expect(await vm.end(60)).toBe(0);
  });
});
