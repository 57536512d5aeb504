/** Keys that few definitions have: their verdicts are loaded for a text that names one. */
import { part } from '../../../../formats/loading/index.ts';

export const verdicts = part(() => import('./verdicts.ts'), 'judges definitions');

/** Those keys; the architecture that libvirt's XML names is `cpuid` of xl. */
export const NEEDS_VERDICTS =
  /^[\s\uFEFF]*[<(]|builder|vnuma|vncdisp|cpuid|disk|kvm|vfb|vif|usbctrl|usbdev|vtpm|p9|channel|vkb|vdispl|tags|pci|dtdev|passthr|irqs|ioports|iomem|pool|pvshim|spicetls|dm_restrict|model|bridge|network|seclabel/;
