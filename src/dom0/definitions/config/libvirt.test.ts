/**
 * The reader next to libvirt itself: judged-by-libvirt.jsonl holds pieces of a definition, where each stands, and why `virsh -c test:///default define` of
 * libvirt 9 refused it (absent: it did not).
 */
import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { formatFinding, isFault, judgeDefinition } from './judge-definition.ts';
import { prepareToRead } from './source.ts';

type Slot = 'OS' | 'FEAT' | 'DOM' | 'DISK' | 'IF' | 'DEV';

const definition = (slot: Slot, piece: string): string =>
  `<domain type='xen'>
<name>v</name><uuid>11111111-2222-3333-4444-555555555511</uuid>
<memory unit='MiB'>64</memory><vcpu>2</vcpu>
<os><type arch='x86_64'>hvm</type>@OS@</os><features><acpi/><apic/><pae/>@FEAT@</features>
<clock offset='utc'/><on_poweroff>destroy</on_poweroff>
@DOM@
<devices>
<disk type='file' device='disk'><driver name='qemu' type='raw'/><source file='/b.img'/><target dev='hda' bus='ide'/>@DISK@</disk>
<interface type='bridge'><mac address='00:16:3e:00:00:01'/><source bridge='xenbr0'/>@IF@</interface>
<graphics type='vnc' port='-1'/><video><model type='vga'/></video>
@DEV@
</devices>
</domain>`
    .replace(`@${slot}@`, piece)
    .replace(/@[A-Z]+@/g, '');

const findings = (slot: Slot, piece: string) => judgeDefinition('v', definition(slot, piece)).findings;

beforeAll(() => prepareToRead('<domain/>'));

describe('libvirt domain XML', () => {
  it('is refused where libvirt refuses it, and nowhere else', () => {
    const judged = readFileSync(new URL('judged-by-libvirt.jsonl', import.meta.url), 'utf8')
      .trim()
      .split('\n')
      .map(line => JSON.parse(line) as [Slot, string, string?]);
    const others = judged.filter(([slot, piece, why]) => findings(slot, piece).some(isFault) !== (why !== undefined));
    expect(others).toEqual([]);
  });

  it.each([
    ['DISK', "<geometry cyl='10' heads='4' secs='16'/>", 'geometry.cyl', 'cyls'],
    ['IF', "<target de='tap0'/>", 'target.de', 'dev'],
    ['DEV', "<graphics type='vnc' prt='1'/>", 'graphics.prt', 'port'],
    ['DEV', "<disk typ='file'><source file='/a'/><target dev='hdb'/></disk>", 'disk.typ', 'type'],
    ['DEV', "<disk type='file'><source file='/a'/><traget dev='hdb'/><target dev='hdb'/></disk>", 'traget', '<target>'],
    ['DOM', "<memtune><hard_limit unti='M'>100</hard_limit></memtune>", 'hard_limit.unti', 'unit'],
  ] as const)('warns of a misspelt name, as nothing looks at it: %s %s', (slot, piece, key, meant) => {
    const all = findings(slot, piece);
    expect(all.filter(isFault).map(formatFinding)).toEqual([]);
    expect(all.filter(({ warns }) => warns).map(each => [each.key, each.short])).toEqual([
      [key, `unknown; did you mean ${meant}?`],
    ]);
  });
});
