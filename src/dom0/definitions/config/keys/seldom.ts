/** Keys that few definitions have: what is said of them is loaded for a text that names one. */
export let seldom: typeof import('./seldom-verdicts.ts') | undefined;
export const loadSeldom = async (): Promise<void> => {
  seldom ??= await import('./seldom-verdicts.ts');
};

/** Those keys; the architecture that libvirt's XML names is `cpuid` of xl. */
export const SELDOM =
  /^[\s\uFEFF]*[<(]|builder|vnuma|vncdisp|cpuid|disk|kvm|vfb|vif|usbctrl|usbdev|vtpm|p9|channel|vkb|vdispl|tags|pci|dtdev|passthr|irqs|ioports|iomem|pool|pvshim|spicetls|dm_restrict|model|bridge|network|seclabel/;
