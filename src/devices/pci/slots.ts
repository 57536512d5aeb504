/** Where functions are on the board's bus that definitions can have. */

export const NIC_SLOT = 3;
/** Of the first disk of virtio; the others are in those behind it. */
export const VIRTIO_DISK_SLOT = 5;
