/** Where definitions are kept, on a host with Xen and on one without. */

export interface ManagedFolders {
  definitions: string;
  /** Of links to those that start with the host. */
  automatic: string;
  /** Each file is libvirt's XML, NAME.xml. */
  isXml?: true;
}
export const XEN_FOLDERS: ManagedFolders = { definitions: '/etc/xen/vm', automatic: '/etc/xen/auto' },
  /** Where libvirt's driver of QEMU keeps them. */
  QEMU_FOLDERS: ManagedFolders = {
    definitions: '/etc/libvirt/qemu',
    automatic: '/etc/libvirt/qemu/autostart',
    isXml: true,
  };
