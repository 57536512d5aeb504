/** Keys that xend read and xl does not, found in /etc/xen/vm of older SUSE hosts. */
import { ignored } from '../options.ts';
import { alike, type Family, rule } from '../rule.ts';

export const xend: Family = {
  description: rule(
    'string',
    ignored(
      'a note for people',
      'A note about the domain, kept with its definition (virsh desc shows it); nothing depends on it.',
    ),
    {
      // Python's word for nothing, which SUSE's tools wrote.
      into: (definition, { text }) => {
        if (text !== '' && text !== 'None') definition.description = text;
      },
      from: ({ description }) => description || undefined,
    },
  ),
  ...alike(
    'monitor vhpt on_xend_start on_xend_stop features guest_os_type cpu vncconsole vncviewer access_control irq blkif netif tpmif ' +
      'change_home_server superpages vpt_align isa s3_integrity vscsi vusb',
    'any',
    ignored('read by xend only', 'xend read this key; xl and this host do not.'),
  ),
  ...alike(
    'dhcp netmask gateway hostname ip nfs_server nfs_root interface',
    'any',
    ignored('read by xend only', 'xend put this on the command line of PV guests; write it in extra.'),
  ),
};
