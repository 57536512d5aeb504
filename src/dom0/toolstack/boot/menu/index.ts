/** The boot menu, for callers that show it before there is a host: nothing here loads the hypervisor. */
export {
  type Booted,
  bootRefusal,
  defaultGrubConfig,
  GRUB_CONFIG_PATH,
  type HostBoot,
  hostBootOf,
  type HypervisorKind,
  installedGrubConfig,
  KVM_BOOT,
  type PageBoot,
  whyNot,
} from './boot-host.ts';
export { BootError, bootWithout } from './boot-without.ts';
export { BootMenu, type MenuChoice } from './boot-menu.ts';
export { readGrubConfig } from '../../../host/index.ts';
export { drawMenu, type MenuScreen } from './menu-screen.ts';
export { MenuSession } from './menu-session.ts';
export { TextEditor } from './text-editor.ts';
