/**
 * Files outside kinds/ and hypervisors/ that ask which kind a guest is or which hypervisor a host has, with the lines that do (scripts/structure.mjs has the
 * pattern). The list may only shrink: what a kind or a hypervisor answers leaves it, and nothing is added.
 */
export const ASKING: Readonly<Record<string, number>> = {
  'src/dom0/toolstack/block-counts.ts': 1,
  'src/dom0/toolstack/boot/start-hypervisor.ts': 1,
  'src/dom0/toolstack/building.ts': 4,
  'src/dom0/toolstack/commands/life.ts': 2,
  'src/dom0/toolstack/opened-drives.ts': 1,
  'src/dom0/toolstack/requests.ts': 2,
  'src/dom0/toolstack/stopping.ts': 1,
};
