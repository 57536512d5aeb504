/**
 * Commands as a host without Xen has them: libvirt's, where xl's represent them. What virsh has no word for stays without xl's name in front, as no xl is there.
 * Source: virsh(1), virt-clone(1).
 */
const WORDS: readonly (readonly [xl: RegExp, virsh: string])[] = [
  [/^xl create -p (.+)$/, 'virsh create $1 --paused'],
  [/^xl create (.+)$/, 'virsh create $1'],
  [/^xl pause (.+)$/, 'virsh suspend $1'],
  [/^xl unpause (.+)$/, 'virsh resume $1'],
  [/^xl destroy (.+)$/, 'virsh destroy $1'],
  [/^xl shutdown(?: -F)? ([^-].*)$/, 'virsh shutdown $1'],
  [/^xl reboot(?: -F)? ([^-].*)$/, 'virsh reboot $1'],
  [/^xl trigger (\S+) reset$/, 'virsh reset $1'],
  [/^xl trigger (\S+) nmi \d+$/, 'virsh inject-nmi $1'],
  [/^xl trigger (\S+) power$/, 'virsh shutdown $1 --mode acpi'],
  [/^xl save ([^-]\S*) (\S+)$/, 'virsh save $1 $2'],
  [/^xl restore (.+)$/, 'virsh restore $1'],
  // In xl's words post-copy begins by itself.
  [
    /^xl migrate(.*) --postcopy (\S+) (\S+)$/,
    'virsh migrate --live$1 --postcopy --postcopy-after-precopy $2 xen+pool://$3/system',
  ],
  [/^xl migrate((?: --\S+)*) (\S+) (?!localhost$)(\S+)$/, 'virsh migrate --live$1 $2 xen+pool://$3/system'],
  [/^xl snapshot (.+)$/, 'virsh snapshot-create-as $1'],
  [/^xl revert (.+)$/, 'virsh snapshot-revert $1'],
  [/^xl snapshot-delete (.+)$/, 'virsh snapshot-delete $1'],
  [/^xl clone (\S+) (\S+)$/, 'virt-clone --original $1 --name $2'],
  [/^x[lm] rename (.+)$/, 'virsh domrename $1'],
  [/^xm start (.+)$/, 'virsh start $1'],
  [/^xm new (.+)$/, 'virsh define $1'],
  [/^xm delete --snapshots (.+)$/, 'virsh undefine $1 --snapshots-metadata'],
  [/^xm delete (.+)$/, 'virsh undefine $1'],
  [/^xl cd-insert (\S+)$/, 'virsh change-media $1 …'],
  [/^xl cd-insert (\S+) (\S+) (\S+)$/, 'virsh change-media $1 $2 $3 --insert'],
  [/^xl cd-eject (\S+) (\S+)$/, 'virsh change-media $1 $2 --eject'],
  [/^xl block-detach (\S+) (\S+)$/, 'virsh detach-disk $1 $2'],
  [/^xl block-attach (\S+) ([^\s,]+),[^\s,]*,([^\s,]+),.*$/, 'virsh attach-disk $1 $2 $3'],
  [/^xl network-attach (.+)$/, 'virsh attach-interface $1 bridge xenbr0'],
  [/^xl mem-set (\S+) (\d+)$/, 'virsh setmem $1 $2M'],
  [/^xl mem-max (\S+) (\d+)$/, 'virsh setmaxmem $1 $2M'],
  [/^xl vcpu-set (.+)$/, 'virsh setvcpus $1'],
  [/^xl sched-credit -d (\S+) -w (\d+)$/, 'virsh schedinfo $1 --set cpu_shares=$2'],
  [/^xl sched-credit -d (\S+) -c 0$/, 'virsh schedinfo $1 --set vcpu_quota=-1'],
  [/^xl sched-credit -d (\S+) -c (\d+)$/, 'virsh schedinfo $1 --set vcpu_quota=$2000'],
  [/^xl dump-core (.+)$/, 'virsh dump $1'],
  [/^xl send-key (.+)$/, 'virsh send-key $1'],
  [/^xl list$/, 'virsh list --all'],
];

export function asVirsh(command: string): string {
  for (const [xl, virsh] of WORDS) if (xl.test(command)) return command.replace(xl, virsh);
  return command.replace(/^x[lm] /, '');
}
