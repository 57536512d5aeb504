/** Where Domain 0 keeps what it knows of snapshots, a folder for each domain. */
export const SNAPSHOTS_FOLDER = '/var/lib/xen/snapshots';
