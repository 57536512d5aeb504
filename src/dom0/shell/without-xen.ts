/**
 * Xen's programs on a host without Xen: they are installed, find no hypervisor and say so. Sources: xencall_open() in tools/libs/call/core.c and
 * libxl_ctx_alloc() in tools/libs/light/libxl.c of Xen 4.17; err() of tools/xenstore/xenstore_client.c.
 */
import { failed, type Program } from '../toolstack/programs/index.ts';

const NO_PRIVCMD = 'xencall: error: Could not obtain handle on privileged command interface: No such file or directory';
const NO_LIBXL = `${NO_PRIVCMD}
libxl: error: libxl.c:102:libxl_ctx_alloc: cannot open libxc handle: No such file or directory
cannot init xl context`;

/** The same programs, by their names: each says why it cannot run. */
export const withoutXen = (programs: readonly Program[]): Program[] =>
  programs.map(({ name, summary }) => ({
    name,
    summary: `${summary} (this host has no Xen)`,
    run: async () =>
      failed(
        name.startsWith('xenstore')
          ? `${name}: xs_open: No such file or directory`
          : name === 'xentop'
            ? `${NO_PRIVCMD}\nFailed to get handle: No such file or directory`
            : NO_LIBXL,
      ),
  }));
