/**
 * Whether a guest finds KVM, and what it has of virtio. xl has no key `kvm`: the name is Proxmox's (qm.conf), and libvirt has <domain type='kvm'>. Xen's `virtio`
 * lists devices by other words (docs/man/xl.cfg.5.pod.in of 4.20), and does nothing for guests of Xen here.
 */
import { definedAs } from '../../kinds/index.ts';
import { ignored, type Judged, used, wrong } from '../options.ts';
import { type Asked, type Family, isEmpty, rule } from '../rule.ts';
import { said } from '../values.ts';
import { verdicts } from './verdicts-part.ts';

/** What a key comes to for a guest of this kind; undefined: the same as for one of Xen. */
export function ofKind(asked: Asked): Judged | undefined {
  const { judgedBy } = definedAs(asked.definition);
  return judgedBy && verdicts.loaded?.[judgedBy].judge(asked);
}

/** What the text asks for besides, in xl's words or in old ones. */
const isPc = ({ textOf }: Asked): boolean => (textOf('type') ?? textOf('builder')) === 'hvm';

const kvm = rule('defbool', used('the guest finds KVM', 'With 1 the guest finds KVM, and nothing of Xen.'), {
  // Its disks and cards are judged as KVM's where its type is wrong, too: one mistake is reported once.
  into: (definition, { number }) => {
    if (number !== 0) definition.kind = 'kvm';
  },
  judge: asked =>
    asked.number === 0 || isPc(asked)
      ? undefined
      : wrong(
          'needs a PC',
          `${said(asked.key, asked.value)}: a guest of KVM is a whole PC. Write ${asked.write('type', 'hvm')}.`,
        ),
  from: definition => definedAs(definition).kvmKey,
});

const virtio = rule(
  'list',
  ignored('its back end is not built yet', 'The back end of this PV device is not built yet.'),
  {
    fits: isEmpty,
    judge: asked => (definedAs(asked.definition).virtio ? verdicts.loaded?.kvm.judgeVirtio(asked) : undefined),
    from: ({ virtio }) => virtio && [...virtio],
  },
);

export const ofKvm: Family = { kvm, virtio };
