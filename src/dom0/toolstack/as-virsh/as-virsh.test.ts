import { expect, it } from 'vitest';
import { asVirsh } from './index.ts';

it.each([
  ['xl create web.cfg', 'virsh create web.cfg'],
  ['xl create -p web.cfg', 'virsh create web.cfg --paused'],
  ['xl shutdown -F web', 'virsh shutdown web'],
  ['xl trigger web reset', 'virsh reset web'],
  ['xl trigger web power', 'virsh shutdown web --mode acpi'],
  ['xl cd-insert web', 'virsh change-media web …'],
  ["xl snapshot web 2 'before the change'", "virsh snapshot-create-as web 2 'before the change'"],
  ['xm start web', 'virsh start web'],
  ['xm delete web', 'virsh undefine web'],
  ['xm delete --snapshots web', 'virsh undefine web --snapshots-metadata'],
  ['xl migrate web two', 'virsh migrate --live web xen+pool://two/system'],
  [
    'xl migrate --copy-storage-all --postcopy web two',
    'virsh migrate --live --copy-storage-all --postcopy --postcopy-after-precopy web xen+pool://two/system',
  ],
  ['xl clone web twin', 'virt-clone --original web --name twin'],
  ['xl block-attach web /dev/vg0/data,raw,vdb,w', 'virsh attach-disk web /dev/vg0/data vdb'],
  ['xl network-attach web', 'virsh attach-interface web bridge xenbr0'],
  ['xl sched-credit -d web -w 512', 'virsh schedinfo web --set cpu_shares=512'],
  ['xl sched-credit -d web -c 30', 'virsh schedinfo web --set vcpu_quota=30000'],
  ['xl sched-credit -d web -c 0', 'virsh schedinfo web --set vcpu_quota=-1'],
  // libvirt has no word for these, nor a word that means the same.
  ['xl save -c web web.save', 'save -c web web.save'],
  ['xl step -e web', 'step -e web'],
  ['lvcreate -L 1G -n web vg0', 'lvcreate -L 1G -n web vg0'],
])('%s is %s', (xl, virsh) => expect(asVirsh(xl)).toBe(virsh));
