/** What is said of keys of a guest of KVM that mean something to one of Xen: loaded for a text that names KVM. */
import { ignored, type Judged } from '../options.ts';
import type { Asked } from '../rule.ts';

/** Of Xen's own interface, its paging and its device model. */
const OF_XEN = new Set(
  (
    'hap shadow_memory viridian xen_platform_pci device_model_stubdomain_override max_grant_frames max_maptrack_frames max_grant_version ' +
    'event_channels max_event_channels'
  ).split(' '),
);

/** Undefined: it comes to the same as for a guest of Xen. */
export function judge({ key, number, definition: { memoryMiB } }: Asked): Judged | undefined {
  if (OF_XEN.has(key))
    return ignored(
      'nothing in a guest of KVM',
      `${key} is for guests of Xen: one of KVM has nothing that it could change.`,
    );
  if (key === 'hpet' && number !== 0)
    return ignored('no HPET', 'The PC of a guest of KVM has no High Precision Event Timer here.');
  if (key === 'maxmem' && number !== memoryMiB)
    return ignored('no balloon', `A guest of KVM has no balloon here: it has ${memoryMiB} MiB, and stays at that.`);
  return undefined;
}
