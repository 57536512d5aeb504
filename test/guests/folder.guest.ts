/** A folder of Domain 0 that Debian's own 9p driver mounts: libvirt's <filesystem>, saved and restored while a file of it is open. */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it, onTestFinished } from 'vitest';
import { Ringside } from '../support/command-line.ts';
import { Shell } from '../support/guest-shell.ts';
import { NEEDS_GUESTS } from '../support/guests.ts';
import { file } from '../support/needs.ts';

const folder = mkdtempSync(join(tmpdir(), 'ringside-folder-'));
afterAll(() => rmSync(folder, { recursive: true }));
const guest = file('.cache/guests/debian-686-pae');
const LEAVE = '\x1d';

const XML = `<domain type='kvm'>
  <name>deb</name>
  <memory unit='MiB'>160</memory>
  <os>
    <type arch='x86_64' machine='pc'>hvm</type>
    <kernel>/boot/vmlinuz</kernel>
    <initrd>/boot/initrd</initrd>
    <cmdline>console=ttyS0,115200 cryptomgr.notests mods=virtio_pci,9pnet_virtio,9p</cmdline>
  </os>
  <devices>
    <filesystem type='mount'>
      <source dir='/srv/share'/>
      <target dir='share'/>
    </filesystem>
    <filesystem type='mount'>
      <source dir='/srv/share'/>
      <target dir='look'/>
      <readonly/>
    </filesystem>
  </devices>
</domain>
`;

it.skipIf(!existsSync(guest))(
  `a guest lists, reads, writes and renames in a folder of Domain 0, and leaves it by no name ${NEEDS_GUESTS}`,
  async () => {
    const definition = join(folder, 'deb.xml');
    writeFileSync(definition, XML);
    const given = {
      [join(guest, 'vmlinuz')]: '/boot/vmlinuz',
      [join(guest, 'initrd-modules')]: '/boot/initrd',
      [definition]: '/root/deb.xml',
    };
    const host = new Ringside('sh', ...Object.entries(given).flatMap(([from, to]) => ['--file', `${from}:${to}`]));
    onTestFinished(() => host.kill());
    const atHost = async (line: string): Promise<string> => {
      const from = host.output.length;
      host.send(`${line}; echo sta''tus $?\r`);
      await host.expect('status 0\r\n', 120);
      return host.output.slice(from).replaceAll('\r', '');
    };
    await atHost(
      'mkdir /srv/share; echo from Domain 0 > /srv/share/a; echo secret > /srv/secret; ln -s /srv/secret /srv/share/out; ln -s a /srv/share/in',
    );
    host.send('xl create -c /root/deb.xml\r');
    const shell = new Shell(host);
    await shell.boot();
    await shell.run(
      'mkdir /share /look; mount -t 9p -o trans=virtio share /share; mount -t 9p -o trans=virtio look /look',
    );
    expect(await shell.run('ls -1 /share; cat /share/a /share/in')).toBe('a\nin\nout\nfrom Domain 0\nfrom Domain 0');
    await shell.run(
      'seq 50000 > /tmp/n; cd /share; mkdir -p d/e; cp /tmp/n d/e/f; cmp /tmp/n d/e/f; mv d/e/f d/g; echo more >> a; rmdir d/e; ln -s g d/h; chmod 640 a; cp d/g gone; rm gone; truncate -s 6 d/g; cd /',
    );
    expect(await shell.run('cat /share/d/h; stat -c %a /share/a; ls -1A /share/d')).toBe('1\n2\n3\n640\ng\nh');
    // What leads out of the folder is the guest's own path, and nothing is written where nothing may be.
    expect(
      await shell.run(
        'ls /srv; cat /share/out || cat /share/../share/../srv/secret || cat /look/a; echo no > /look/a || cat /look/a',
      ),
    ).toMatch(/can't open '\/share\/out'[\s\S]*from Domain 0[\s\S]*Read-only file system/);
    // A program keeps its file open over a saved state.
    host.send('(sleep 5; echo later) > /share/late & sleep 1; echo be""gun\n');
    await host.expect('begun', 60);
    host.send(LEAVE);
    await host.expect('ringside:~ # ', 60);
    const texts = await atHost('cat /srv/share/a /srv/secret; xl save deb /root/deb.save && xl restore /root/deb.save');
    expect(texts).toContain('from Domain 0\nmore\nsecret\n');
    host.send('xl console deb\r\r');
    expect(await shell.run('wait; cat /share/late; ls -1 /share')).toContain('later\na\nd\nin\nlate\nout');
  },
);
