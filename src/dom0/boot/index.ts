/** What src/dom0/boot offers to other rooms. */
export { bootRefusal, DEFAULT_GRUB_CONFIG, GRUB_CONFIG_PATH, type HostBoot, hostBootOf, installedGrubConfig, type PageBoot, whyNot } from './boot-host.ts';
export { BootMenu, type MenuChoice } from './boot-menu.ts';
export { readGrubConfig } from './grub-config.ts';
export { describeHost, fittedHost, type HostDefinition, HostDefinitionError, readHost } from './host-definition.ts';
export { drawMenu, type MenuScreen } from './menu-screen.ts';
export { MenuSession } from './menu-session.ts';
export { startXen, type StartedXen } from './start-xen.ts';
export { parseXenOptions, readXenOptions } from './xen-options.ts';
