/**
 * What libxl says where it refuses a domain, and the status with which xl ends then (an error's number without its sign).
 * Sources: create_domain() and main_create() in tools/xl/xl_vmcontrol.c, libxl_create.c, libxl_device.c, libxl_domain.c, libxl_dom.c and libxl_types.idl in
 * tools/libs/light of Xen 4.17. Numbers of source lines are left out, as they differ from build to build.
 */
import type { Finding } from './verdicts.ts';

export type LibxlWords = NonNullable<Finding['libxl']>;

/** xl's statuses for libxl's errors. */
export const ERROR_FAIL = 3,
  ERROR_INVAL = 6;

const NOT_MADE = 'libxl: error: initiate_domain_create: cannot make domain: -6';

/** Another domain has the name. */
export const nameTaken = (name: string): LibxlWords => ({
  said: [`libxl: error: libxl__domain_rename: Domain with name "${name}" already exists.`, NOT_MADE],
  status: ERROR_FAIL,
});

/** xl lets two domains have one UUID, and their stores then mix: here it is refused as a name is. */
export const UUID_TAKEN: LibxlWords = { said: [NOT_MADE], status: ERROR_FAIL };

/** The host has too little memory. */
export const NO_MEMORY: LibxlWords = { said: ['failed to free memory for the domain'], status: ERROR_FAIL };

/** A kernel or RAM disk is not there, or a saved image contradicts itself. */
export const NOT_BUILT: LibxlWords = {
  said: ['libxl: error: domcreate_rebuild_done: cannot (re-)build domain: -3'],
  status: ERROR_FAIL,
};

/** What libvirt says of an image, or of one below it, that its system does not let a host open: which one, and why. */
const NOT_OPENED = /^Cannot access (?:storage|backing) file '(.*?)'(?: of storage file '.*')?: (.*)$/s;

/** A disk's image that is not there, or that may not be opened (`why`); `index`: the disk's in the definition. */
export function noImage(
  { vdev, target }: { vdev: string; target: string },
  index: number,
  why: string,
): LibxlWords & { isThere: boolean } {
  const [, path = target, problem = MISSING] = NOT_OPENED.exec(why) ?? [];
  return {
    said: [
      `libxl: error: libxl__device_disk_set_backend: Disk vdev=${vdev} failed to stat: ${path}: ${problem}`,
      `libxl: error: initiate_domain_create: Unable to set disk defaults for disk ${index}`,
    ],
    status: ERROR_INVAL,
    isThere: problem !== MISSING,
  };
}

const MISSING = 'No such file or directory';

/** What the block script says of a device that it cannot attach, as libxl hands it on. */
export const fromScript = (sentence: string): string =>
  `libxl: error: device_hotplug_child_death_cb: script: ${sentence}`;

/** What the script of a card says (`sentence`), and what libxl adds to it. */
export const cannotAddCards = (sentence: string): LibxlWords => ({
  said: [sentence, 'libxl: error: domcreate_attach_devices: unable to add vif devices'],
  status: ERROR_FAIL,
});

/** A new domain's disk cannot be attached. */
export const NO_DISKS = 'libxl: error: domcreate_launch_dm: unable to add disk devices';
