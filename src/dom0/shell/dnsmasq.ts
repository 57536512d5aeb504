/** `dnsmasq`: which of Domain 0's files the network gives to guests that boot from it. Source: dnsmasq(8), its options for TFTP and for the name of the boot file. */
import type { Uses } from '../toolstack/index.ts';
import { failed, type Program, succeeded } from '../toolstack/programs/index.ts';

const OPTIONS = ['--enable-tftp', '--tftp-root=', '--dhcp-boot='];
const USAGE = `Usage: dnsmasq [options]

The gateway of the host's network answers DHCP, DNS and TFTP. Without options it gives out no file.

      --tftp-root=<dir>     Export files by TFTP only from the specified subtree.
      --dhcp-boot=<file>    Specify the file that DHCP tells guests to boot, below that subtree.
      --enable-tftp         Enable integrated read-only TFTP server: --tftp-root does so, too.
`;
const BAD_OPTION = 1,
  NO_FOLDER = 3;

export const dnsmasqProgram = (host: Uses<'files' | 'toolstack'>): Program => ({
  name: 'dnsmasq',
  summary: 'files for guests that boot from the network: --tftp-root=DIR --dhcp-boot=FILE; alone: none',
  run: async (words, { directory }) => {
    let root: string | undefined, bootFile: string | undefined;
    for (const word of words) {
      const [, name, value] = /^(--[a-z-]+)(?:=(.+))?$/.exec(word) ?? [];
      if (name === '--help') return succeeded(USAGE);
      if (name === '--tftp-root' && value) root = value.startsWith('/') ? value : `${directory}/${value}`;
      else if (name === '--dhcp-boot' && value) bootFile = value;
      else if (word !== '--enable-tftp')
        return failed(`dnsmasq: bad command line options: ${word}: try --help`, BAD_OPTION);
    }
    const { own: files } = host.files;
    if (root === undefined && words.length > 0)
      return failed('dnsmasq: it says what to give out by --tftp-root=DIR: try --help', BAD_OPTION);
    const { network } = host.toolstack.services;
    if (root === undefined || !files) return (network.giveOut({}), succeeded(''));
    const real = await files.realpath(root).catch(() => undefined);
    if (real === undefined)
      return failed(`dnsmasq: TFTP directory ${root} inaccessible: No such file or directory`, NO_FOLDER);
    if (!(await files.stat(real)).isDirectory)
      return failed(`dnsmasq: TFTP directory ${root} inaccessible: Not a directory`, NO_FOLDER);
    /** Read when somebody asks: undefined where there is none, or where it leads out of the folder. */
    const get = async (path: string): Promise<Uint8Array | undefined> => {
      const file = await files.realpath(`${real}/${path}`).catch(() => undefined);
      if (!file?.startsWith(real === '/' ? '/' : `${real}/`) || !(await files.stat(file)).isFile) return undefined;
      return files.readFileBuffer(file);
    };
    const lacks = bootFile !== undefined && !(await get(bootFile).catch(() => undefined));
    network.giveOut({ files: { get }, bootFile });
    return {
      stdout: '',
      stderr: lacks ? `dnsmasq: ${real}/${bootFile} is not there: guests find nothing to boot until it is.\n` : '',
      status: 0,
    };
  },
  complete: () => OPTIONS,
});
