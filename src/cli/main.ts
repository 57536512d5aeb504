/** The command `ringside`. */
import { asm } from './asm.ts';
import { loadEverything } from '../dom0/service/index.ts';
import { boot } from './boot/index.ts';
import { bootHelp } from './boot/options.ts';
import { Output } from './boot/terminal.ts';
import { shell } from './shell/command.ts';
import { storage } from './storage/command.ts';
import { symbols } from './symbols.ts';
import { tuneEngine } from './tune-engine.ts';
import { VERSION } from './version.ts';

const HELP = `Ringside ${VERSION}: an x86 PC and a Xen-style hypervisor in TypeScript.

  ringside boot …     start a guest with its console here
  ringside sh …       a host with Domain 0's shell (ringside sh --help)
  ringside storage …  the volumes and the disk of a host whose state is kept (ringside storage --help)
  ringside asm SOURCE assemble a flat program in nasm's language (ringside asm --help)
  ringside symbols …  a Linux kernel with its own names, for gdb (ringside symbols --help)
  ringside grade …    the codes that a class handed in at the end of a lesson (ringside grade --help)
  ringside pool …     a hub for a pool of hosts, which serves the page (ringside pool --help)
  ringside libvirtd …  a host that virsh manages, by libvirt's protocol (ringside libvirtd --help)
  ringside experiment …  a claim of the textbook, measured (ringside experiment --help)
  ringside --help     show this
  ringside --version  show the version

${bootHelp()}`;

/** Runs a command line (without the program's name); resolves to the exit status. */
export async function main(argv: string[]): Promise<number> {
  const [command, ...rest] = argv;
  switch (command) {
    case 'boot':
      await loadEverything();
      return boot(rest);
    case 'sh':
      tuneEngine();
      await loadEverything();
      return shell(rest);
    case 'storage':
      return storage(rest);
    case 'asm':
      return asm(rest);
    case 'symbols':
      return symbols(rest);
    case 'grade':
      // It has all lessons with it.
      return (await import('./grade/command.ts')).grade(rest);
    case 'pool':
      tuneEngine();
      return (await import('./pool/command.ts')).pool(rest);
    case 'libvirtd':
      tuneEngine();
      await loadEverything();
      return (await import('./libvirtd/command.ts')).libvirtd(rest);
    case 'experiment':
      return (await import('./experiment.ts')).experiment(rest);
    case '--version':
      new Output(1).text(`ringside ${VERSION}\n`);
      return 0;
    case undefined:
    case 'help':
    case '--help':
    case '-h':
      new Output(command === undefined ? 2 : 1).text(HELP);
      return command === undefined ? 2 : 0;
    default:
      new Output(2).text(`ringside: ${command} is no command. Write ringside boot FILE, or ringside --help.\n`);
      return 2;
  }
}
