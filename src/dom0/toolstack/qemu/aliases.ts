/** What libvirt calls devices of QEMU's (qemuAssignDeviceAliases() of src/qemu/qemu_alias.c), by their units: `vdb` is the second one of its bus. */
export const unitOf = (vdev: string): number => vdev.charCodeAt(2) - 'a'.charCodeAt(0);

export const ideAlias = (unit: number): string => `ide0-${unit >> 1}-${unit & 1}`;
export const virtioDiskAlias = (unit: number): string => `virtio-disk${unit}`;
export const floppyAlias = (unit: number): string => `fdc0-0-${unit}`;
export const cardAlias = (place: number): string => `net${place}`;
/** `port`: of its controller, whose first is a console's. */
export const channelAlias = (port: number): string => `channel${port - 1}`;
