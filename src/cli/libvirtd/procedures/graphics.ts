/** The procedure that gives a client a descriptor of a domain's screen, at which it speaks that screen's protocol. */
import { struct, unsigned } from '../../../formats/xdr/index.ts';
import { openGraphics } from '../../../dom0/libvirt/index.ts';
import { procedure, type Table } from '../procedure.ts';
import { domain, flags } from '../types.ts';
import { meant } from './domains.ts';

export const GRAPHICS: Table = {
  domain_open_graphics_fd: procedure({
    changes: true,
    arguments: struct({ domain, index: unsigned, flags }),
    run: async ({ host, give }, given) =>
      give(await openGraphics(host, await meant(host, given.domain), given.index, given.flags)),
  }),
};
