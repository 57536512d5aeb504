/** Whether a guest finds KVM. xl has no such key: the name is Proxmox's (qm.conf), and libvirt has <domain type='kvm'>. */
import { type Judged, used, wrong } from '../options.ts';
import { type Asked, rule } from '../rule.ts';
import { said } from '../values.ts';
import { seldom } from './seldom.ts';

/** What a key comes to for a guest of KVM; undefined: the same as for one of Xen. */
export const underKvm = (asked: Asked): Judged | undefined =>
  asked.definition.kvm ? seldom?.kvm.judge(asked) : undefined;

export const kvm = rule('defbool', used('KVM in place of Xen', 'With 1 the guest finds KVM, and nothing of Xen.'), {
  into: (definition, { number }) => {
    if (number !== 0) definition.kvm = true;
  },
  judge: ({ key, value, number, definition: { type }, write }) =>
    number === 0 || type === 'hvm'
      ? undefined
      : wrong('needs a PC', `${said(key, value)}: a guest of KVM is a whole PC. Write ${write('type', 'hvm')}.`),
  from: ({ kvm }) => kvm && 1,
});
