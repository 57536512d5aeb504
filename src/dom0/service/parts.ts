/** Parts of a host's service that are loaded for the first question to them. */
import { part } from '../../formats/loading/index.ts';

export const bootLoader = part(() => import('../host/boot-loader/index.ts'), 'reads boot loaders'),
  creating = part(() => import('../toolstack/commands/life-usage.ts'), 'creates guests'),
  diskCommands = part(() => import('./disk-commands.ts'), 'changes disks'),
  editing = part(() => import('./editing.ts'), 'edits definitions'),
  folders = part(() => import('./folders.ts'), 'shares folders'),
  images = part(() => import('./images.ts'), 'opens images'),
  inspection = part(() => import('./inspection.ts'), 'answers inspectors'),
  inventory = part(() => import('./inventory.ts'), 'lists the host'),
  keptWrites = part(() => import('./kept-writes.ts'), 'keeps writes'),
  libvirt = part(() => import('../libvirt/index.ts'), 'is libvirt'),
  managing = part(() => import('./managing.ts'), 'manages definitions'),
  moments = part(() => import('./moments.ts'), 'keeps moments'),
  poolOfPage = part(() => import('./pool-of-page.ts'), 'joins pools'),
  shell = part(() => import('../shell/index.ts'), 'is Domain 0’s shell'),
  remoteStore = part(() => import('../host/storage/remote-store.ts'), 'keeps files'),
  virtualTime = part(() => import('./virtual-time.ts'), 'keeps virtual time'),
  wholeState = part(() => import('./whole-state.ts'), 'saves the host');
