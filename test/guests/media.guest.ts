/** Files on their way into and out of a guest that runs: CDs made on the spot, and the transfer disk, with Debian's own drivers and file systems. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it, onTestFinished } from 'vitest';
import { Ringside } from '../support/command-line.ts';
import { debian, haveGuests, NEEDS_GUESTS, PROMPT } from '../support/guests.ts';
import { file } from '../support/needs.ts';

const folder = mkdtempSync(join(tmpdir(), 'ringside-media-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** Debian's e2fsprogs. */
const MKE2FS = '/usr/sbin/mke2fs';
const LEAVE = '\x1d';
const LONG = `a file whose name is much longer than what MS-DOS could read ${'and longer still '.repeat(2)}.text`;
const NUMBERS = Array.from({ length: 20_000 }, (_, i) => `${i}\n`).join('');

/** Folders of this machine that go to Domain 0. */
function filesToGive(): string {
  const stuff = join(folder, 'stuff');
  mkdirSync(join(stuff, 'drivers', 'deep', 'deeper'), { recursive: true });
  writeFileSync(join(stuff, 'Grüße.txt'), 'hello from Domain 0\n');
  writeFileSync(join(stuff, LONG), 'long\n');
  writeFileSync(join(stuff, 'empty'), '');
  writeFileSync(join(stuff, 'drivers', 'deep', 'deeper', 'numbers'), NUMBERS);
  return stuff;
}

/** A host whose guest has booted to its shell, with its console at the terminal. */
async function guest(processors: number): Promise<Ringside> {
  const { kernel } = debian('686-pae');
  const config = join(folder, 'vm.cfg');
  const text = readFileSync(debian('686-pae').definition, 'utf8')
    .replace(/ramdisk = .*/, 'ramdisk = "/boot/initrd"')
    .replace(/kernel = .*/, 'kernel = "/boot/vmlinuz"');
  writeFileSync(
    config,
    text
      .replace(
        /cryptomgr\.notests [^"]*/,
        'cryptomgr.notests mods=ata_piix,sr_mod,isofs,xen-blkfront,vfat,nls_cp437,nls_ascii,nls_utf8',
      )
      .replace(/^disk = .*\nvif = .*/m, 'disk = [ ",hdc:cdrom" ]'),
  );
  const host = new Ringside(
    'sh',
    '--pcpus',
    String(processors),
    '--file',
    `${kernel}:/boot/vmlinuz`,
    '--file',
    `${file('.cache/guests/debian-686-pae/initrd-modules')}:/boot/initrd`,
    '--file',
    `${config}:/etc/xen/vm/debian`,
    '--file',
    `${filesToGive()}:/root/stuff`,
  );
  onTestFinished(() => host.kill());
  host.send('xl create -c /etc/xen/vm/debian\r');
  await host.expect(PROMPT, 400);
  return host;
}

/** Leaves the console for a line at Domain 0, and comes back to it. */
async function atDomain0(host: Ringside, line: string): Promise<void> {
  host.send(LEAVE);
  await host.expect('ringside:~ # ', 20);
  host.send(`${line}; echo "status $?"\r`);
  await host.expect('status 0\r\n', 120);
  host.send('xl console debian-686-pae\r\r');
  await host.expect(PROMPT, 60);
}

let lines = 0;

/** What a line shows: its beginning and its end differ from those of others, and from the line as it is typed, which may be wrapped anywhere. */
async function inGuest(host: Ringside, line: string): Promise<string> {
  lines++;
  host.send(`echo begin-$((100 + ${lines})); ${line}; echo over-$((100 + ${lines}))\r`);
  await host.expect(`over-${100 + lines}`, 120);
  return host.output.slice(host.output.lastIndexOf(`begin-${100 + lines}`));
}

it.skipIf(!haveGuests)(
  `a Linux that runs finds files of Domain 0 on CDs, and Domain 0 the files that it leaves on its transfer disk ${NEEDS_GUESTS}`,
  async () => {
    const host = await guest(2);
    expect(await inGuest(host, 'mount -t iso9660 /dev/sr0 /mnt')).toContain('No medium found');
    await atDomain0(
      host,
      'xl cd-insert debian-686-pae hdc files:stuff/; xl block-attach debian-686-pae transfer:16M,xvdz,w',
    );
    const shown = await inGuest(
      host,
      'mount -t iso9660 -o ro,utf8 /dev/sr0 /mnt && find /mnt | sort && cat /mnt/Gr*.txt && md5sum /mnt/drivers/deep/deeper/numbers && wc -c /mnt/empty',
    );
    // The console is read byte by byte.
    expect(Buffer.from(shown, 'latin1').toString()).toContain('/mnt/Grüße.txt\r\n');
    for (const line of [
      '/mnt/drivers/deep/deeper/numbers',
      `/mnt/${LONG}`,
      'hello from Domain 0',
      `${createHash('md5').update(NUMBERS).digest('hex')}  /mnt/drivers`,
      '0 /mnt/empty',
    ])
      expect(shown).toContain(line);
    // A file system of Linux's own making on the other disk, which came while it ran.
    expect(
      await inGuest(
        host,
        'mkdir /tmp/out; mount -t vfat -o utf8 /dev/xvdz1 /tmp/out && mkdir "/tmp/out/a folder" && cp /mnt/drivers/deep/deeper/numbers "/tmp/out/a folder/copied numbers" && cp /mnt/Gr*.txt /tmp/out && sync; umount /mnt',
      ),
    ).not.toMatch(/failed|can't/);
    await atDomain0(
      host,
      'xl transfer ls debian-686-pae; xl transfer cp debian-686-pae "a folder" Grüße.txt /root/out/ && md5sum "/root/out/a folder/copied numbers" && cat /root/out/Gr*',
    );
    const read = Buffer.from(host.output, 'latin1').toString();
    for (const line of [
      'a folder/\r\n',
      'The guest has it mounted',
      '2 files copied to /root/out/.',
      `${createHash('md5').update(NUMBERS).digest('hex')}  /root/out`,
      'hello from Domain 0',
    ])
      expect(read).toContain(line);
    // Another disc, which the drive tells of.
    await atDomain0(host, 'xl cd-insert debian-686-pae hdc files:stuff/drivers');
    expect(await inGuest(host, 'umount /tmp/out; mount -t iso9660 /dev/sr0 /mnt && ls /mnt; umount /mnt')).toMatch(
      /\r\ndrivers\r\n/,
    );
    await atDomain0(host, 'xl cd-eject debian-686-pae hdc; xl transfer ls debian-686-pae | grep -c mounted | grep 0');
    expect(await inGuest(host, 'mount -t iso9660 /dev/sr0 /mnt')).toContain('No medium found');
  },
  15 * 60_000,
);

it.skipIf(!haveGuests || !existsSync(MKE2FS))(
  `pygrub takes Debian's kernel from the menu on the guest's own ext4, and starts it ${NEEDS_GUESTS} [needs mke2fs]`,
  async () => {
    const { kernel, initrd } = debian('686-pae');
    const tree = join(folder, 'tree');
    mkdirSync(join(tree, 'boot', 'grub'), { recursive: true });
    copyFileSync(kernel, join(tree, 'boot', 'vmlinuz'));
    copyFileSync(initrd, join(tree, 'boot', 'initrd'));
    writeFileSync(
      join(tree, 'boot', 'grub', 'grub.cfg'),
      `set default="advanced>linux"
set opts="cryptomgr.notests"
menuentry 'Something else' { linux /boot/nothing }
submenu 'Advanced options' --id advanced {
  menuentry 'Debian, with Linux 6.1' --id linux {
    linux	/boot/vmlinuz root=/dev/xvda ro $opts
    initrd	/boot/initrd
  }
}
`,
    );
    const image = join(folder, 'disk.img');
    execFileSync(MKE2FS, ['-q', '-t', 'ext4', '-d', tree, image, '24m']);
    const config = join(folder, 'pygrub.cfg');
    writeFileSync(
      config,
      'name = "own"\ntype = "pvh"\nmemory = 128\nbootloader = "/usr/bin/pygrub"\ndisk = [ "/var/lib/xen/images/disk.img,raw,xvda,w" ]\nextra = "console=hvc0 marked=yes"\n',
    );
    const host = new Ringside(
      'sh',
      '--pcpus',
      '2',
      '--file',
      `${image}:/var/lib/xen/images/disk.img`,
      '--file',
      `${config}:/etc/xen/vm/own`,
    );
    onTestFinished(() => host.kill());
    host.send('xl create -c /etc/xen/vm/own\r');
    await host.expect(PROMPT, 400);
    expect(await inGuest(host, 'cat /proc/cmdline')).toContain(
      'root=/dev/xvda ro cryptomgr.notests console=hvc0 marked=yes',
    );
  },
  15 * 60_000,
);
