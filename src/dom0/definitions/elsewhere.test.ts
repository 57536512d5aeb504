/**
 * What starts here and not on Xen or QEMU is told with a verdict, and what starts there starts here. What xl 4.17 says was asked by `xl -N create`, what QEMU's
 * driver says by `virsh -c qemu:///embed` (npm run -s judge:definitions).
 */
import { beforeAll, describe, expect, it } from 'vitest';
import type { Finding } from './verdicts.ts';
import { plans } from './prepare-plans.ts';
import { planDefinition } from './plan-definition.ts';
import type { Firmware } from './planned.ts';
import { verdicts } from './config/keys/verdicts-part.ts';
import { prepareToRead } from './config/source.ts';

const FIRMWARE: Exclude<Firmware, string> = { bios: 'ringside', image: new Uint8Array(65536), name: 'bios.bin' };
/** A disk that a BIOS starts; as qcow2 says it; and a new one. */
const BOOTABLE = Uint8Array.of(0xeb, 0xfe, ...new Uint8Array(508), 0x55, 0xaa);
const QCOW2 = new Uint8Array(65536);
QCOW2.set([0x51, 0x46, 0x49, 0xfb, 0, 0, 0, 3]);
const view = new DataView(QCOW2.buffer);
view.setUint32(20, 16);
view.setBigUint64(24, 65536n);
view.setUint32(36, 1);
view.setBigUint64(40, 65536n);
view.setBigUint64(48, 131072n);
view.setUint32(56, 1);
view.setUint32(96, 4);
view.setUint32(100, 104);

async function plan(text: string, head: Uint8Array = BOOTABLE, name = 'b.img') {
  await prepareToRead(text);
  const image = { name, head, bytes: 1 << 20 };
  return planDefinition('v', text, () => image.name, { image: () => image, firmware: () => FIRMWARE });
}
const warnings = (findings: readonly Finding[]) =>
  findings.filter(({ warns }) => warns).map(({ line, short, text }) => [line, short, text]);

const xl = (disk: string): string => `name = "v"\ntype = "hvm"\nmemory = 64\ndisk = [ '${disk}' ]\nboot = "c"\n`;
const kvm = (devices: string): string =>
  `<domain type='kvm'>\n<name>v</name>\n<memory unit='MiB'>64</memory>\n<os><type machine='pc'>hvm</type></os>\n<devices>\n${devices}\n</devices>\n</domain>`;
const kvmDisk = (type: string): string =>
  `<disk type='file'><driver name='qemu' type='${type}'/><source file='/b.img'/><target dev='vda' bus='virtio'/></disk>`;

beforeAll(async () => {
  await plans.load();
  await verdicts.load();
});

describe('a line that xl refuses', () => {
  it('ends in a backslash: it is read on, and told', async () => {
    const text = `name = "v"\nbuilder = "hvm"\nmemory = "64"\ndisk = ['file:/b.img,hda,w',\\\n        'file:/b.iso,hdc:cdrom,r']\nboot="dc"\n`;
    const { plan: planned } = await plan(text);
    expect(warnings(planned.findings)).toEqual([
      [4, 'xl refuses this line', expect.stringMatching(/goes on behind its \\.*xl refuses it \(lexical error\)/)],
    ]);
  });

  it('is Python of another kind: the first such line is told', async () => {
    const text = `import os\nname = "v"\nbuilder = "hvm"\nmemory = 60 + 4\ndisk = ['file:/b.img,hda,w']\n`;
    const { plan: planned } = await plan(text);
    expect(warnings(planned.findings).map(([line, short]) => [line, short])).toEqual([[1, 'xl refuses this line']]);
  });
});

describe('an image in another format than it is named in', () => {
  it.each(['file:/b.img,xvda,w', 'tap:aio:/b.img,xvda,w', '/b.img,raw,xvda,w', '/b.img,,xvda,w'])(
    'is read as qcow2, and told: %s',
    async disk => {
      const { plan: planned, domain } = await plan(xl(disk), QCOW2, 'b.img');
      expect(planned.errors).toEqual([]);
      expect(domain).toBeDefined();
      expect(warnings(planned.findings)).toEqual([
        [4, 'named raw, and it is qcow2', expect.stringContaining("xl and QEMU give the guest the file's own bytes")],
      ]);
    },
  );

  it('is read as raw, and told', async () => {
    const { plan: planned } = await plan(xl('/b.img,qcow2,xvda,w'));
    expect(warnings(planned.findings)).toEqual([
      [4, 'named qcow2, and it is raw', expect.stringContaining('Image is not in qcow2 format')],
    ]);
  });

  it('is told of a definition in XML, and of none that names what it is', async () => {
    expect(warnings((await plan(kvm(kvmDisk('raw')), QCOW2)).plan.findings).map(([, short]) => short)).toEqual([
      'named raw, and it is qcow2',
    ]);
    expect(warnings((await plan(kvm(kvmDisk('qcow2')), QCOW2)).plan.findings)).toEqual([]);
    expect(warnings((await plan(xl('/b.img,raw,xvda,w'))).plan.findings)).toEqual([]);
  });
});

describe('a guest with nothing to boot from', () => {
  it('starts where its disk is new, and that is told without words of another language', async () => {
    for (const text of [xl('/b.img,raw,hda,w'), kvm(kvmDisk('raw'))]) {
      const { plan: planned, domain } = await plan(text, new Uint8Array(65536));
      expect(planned.errors).toEqual([]);
      expect(domain).toBeDefined();
      expect(warnings(planned.findings)).toEqual([
        [expect.any(Number), 'nothing to boot from yet', expect.not.stringContaining('device_model_args')],
      ]);
    }
  });

  it('starts as a guest of KVM, whatever its drives have, and without any', async () => {
    const text = new Uint8Array(65536).fill(0x41);
    for (const devices of [
      kvmDisk('raw'),
      "<disk type='file' device='cdrom'><target dev='hdc' bus='ide'/></disk>",
      '',
    ]) {
      const { plan: planned, domain } = await plan(kvm(devices), text);
      expect(planned.errors.map(each => each.text)).toEqual([]);
      expect(domain).toBeDefined();
    }
  });

  it('does not start as a guest of Xen whose image is none, in which somebody may have been mistaken', async () => {
    const { plan: planned } = await plan(xl('/b.img,raw,hda,w'), new Uint8Array(65536).fill(0x41));
    expect(planned.errors.map(({ short }) => short)).toEqual(['not bootable']);
  });
});
