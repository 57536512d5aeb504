/** Two of Debian's guests on one bridge: their own drivers for the emulated card and for Xen's, in virtual time and in workers. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, describe, expect, it, onTestFinished } from 'vitest';
import { FILE, writeCpio } from '../../src/formats/file-systems/cpio.ts';
import { Ringside } from '../support/command-line.ts';
import { debian, type Flavour, haveGuests, NEEDS_GUESTS } from '../support/guests.ts';

const folder = mkdtempSync(join(tmpdir(), 'ringside-network-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** What the shell of each does first: the guest with the first address serves, the other asks. */
const PROFILE = `
ifconfig lo 127.0.0.1 up
ifconfig eth0 up
udhcpc -i eth0 -n -q 2>&1 | grep lease
me=$(ifconfig eth0 | sed -n 's/.*inet addr:\\([0-9.]*\\).*/\\1/p')
other=10.0.2.15; [ "$me" = 10.0.2.15 ] && other=10.0.2.16
i=0; while [ $i -lt 60 ]; do ping -c 1 -W 1 $other >/dev/null 2>&1 && break; i=$((i+1)); done
ping -c 3 $other
nslookup gateway.ringside
if [ "$me" = 10.0.2.16 ]; then nc -l -p 9 > /tmp/file; else
  dd if=/dev/urandom of=/tmp/file bs=64k count=16 2>/dev/null
  i=0; while [ $i -lt 60 ]; do nc $other 9 < /tmp/file && break; sleep 1; i=$((i+1)); done
fi
echo "SUM $me $(md5sum < /tmp/file)"
dmesg | grep -c -i 'checksum\\|csum'
echo "DONE $me"
`;

/** A definition with an initrd that ends with another profile. */
function guest(
  name: string,
  { type, flavour, modules, vif = '' }: { type: string; flavour: Flavour; modules: string; vif?: string },
): string {
  const { kernel, initrd } = debian(flavour);
  const base = readFileSync(`${initrd}-modules`);
  const overlay = gzipSync(writeCpio([{ path: 'etc/profile', mode: FILE, data: new TextEncoder().encode(PROFILE) }]));
  const ramdisk = join(folder, `${name}.initrd`);
  writeFileSync(ramdisk, Buffer.concat([base, Buffer.alloc(-base.length & 3), overlay]));
  const path = join(folder, `${name}.cfg`);
  const console = type === 'pvh' ? 'hvc0' : 'ttyS0';
  writeFileSync(
    path,
    `name = "${name}"\ntype = "${type}"\nkernel = "${kernel}"\nramdisk = "${ramdisk}"\nmemory = 128\ncmdline = "console=${console} mods=${modules} cryptomgr.notests"\nvif = ['${vif}']\n`,
  );
  return path;
}

async function talk(a: string, b: string, ...options: string[]): Promise<string> {
  const vm = new Ringside('boot', a, b, '--until', 'DONE 10.0.2.16', '--timeout', '1500', ...options);
  onTestFinished(() => vm.kill());
  expect(await vm.end(1600)).toBe(0);
  return vm.output;
}

/** Both have an address, reach each other, and hold the same file. */
function judge(output: string): void {
  expect(output).toMatch(/lease of 10\.0\.2\.15 obtained from 10\.0\.2\.2/);
  expect(output).toMatch(/lease of 10\.0\.2\.16 obtained from 10\.0\.2\.2/);
  expect(output.match(/3 packets transmitted, 3 packets received, 0% packet loss/g)).toHaveLength(2);
  const sums = [...output.matchAll(/SUM 10\.0\.2\.1[56] ([0-9a-f]{32})/g)].map(([, sum]) => sum);
  expect(sums).toHaveLength(2);
  expect(sums[0]).toBe(sums[1]);
  expect(sums[0]).not.toBe('d41d8cd98f00b204e9800998ecf8427e');
  expect(output).not.toMatch(/Kernel panic|BUG:|Oops|soft lockup|NETDEV WATCHDOG|checksum failure/);
}

describe.skipIf(!haveGuests)(`guests on one bridge ${NEEDS_GUESTS}`, () => {
  it.each([
    ['in virtual time', '--virtual-time'],
    ['each in a worker', '--pcpus', '2'],
  ])('with an emulated card (pcnet32): %s', async (_how, ...options) => {
    const pc = (name: string): string => guest(name, { type: 'hvm', flavour: '686', modules: 'pcnet32' });
    judge(await talk(pc('a'), pc('b'), ...options));
  });

  it('with an emulated e1000 beside that', async () => {
    const output = await talk(
      guest('i', { type: 'hvm', flavour: '686', modules: 'e1000', vif: 'model=e1000' }),
      guest('p', { type: 'hvm', flavour: '686', modules: 'pcnet32' }),
      '--pcpus',
      '2',
    );
    judge(output);
    expect(output).toMatch(/i: .*e1000: eth0 NIC Link is Up 1000 Mbps Full Duplex/);
    expect(output).not.toMatch(/Detected Tx Unit Hang|Reset adapter/);
  });

  it.each([
    ['in virtual time', '--virtual-time'],
    ['each in a worker', '--pcpus', '2'],
  ])('with xen-netfront as PVH: %s', async (_how, ...options) => {
    const pvh = (name: string): string =>
      guest(name, { type: 'pvh', flavour: '686-pae', modules: 'xen-netfront', vif: 'bridge=xenbr0' });
    judge(await talk(pvh('c'), pvh('d'), ...options));
  });

  it('with xen-netfront as PVHVM, which unplugs the emulated card, and with pcnet32 beside it', async () => {
    const output = await talk(
      guest('e', { type: 'hvm', flavour: '686-pae', modules: 'pcnet32,xen-netfront', vif: 'bridge=xenbr0' }),
      guest('f', { type: 'hvm', flavour: '686', modules: 'pcnet32' }),
      '--pcpus',
      '2',
    );
    judge(output);
    expect(output).toMatch(/e: .*Netfront and the Xen platform PCI driver have been compiled/);
    expect(output).toMatch(/e: .*unplug emulated NICs/);
    expect(output).not.toMatch(/e: .*pcnet32: PCnet/);
    expect(output).toMatch(/f: .*pcnet32: PCnet/);
  });
});
