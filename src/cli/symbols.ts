/** `ringside symbols VMLINUZ`: the kernel inside with the names that it has in itself, for gdb. */
import { readFileSync, writeFileSync } from 'node:fs';
import { isLinux, kernelInside, loadUnpackers, unzipped } from '../formats/bzimage/index.ts';
import { isElf, isLongElf, LoadError } from '../formats/elf/index.ts';
import { kallsymsOf, withSymbols } from '../formats/kallsyms/index.ts';
import { NOT_DONE, oneFile, tell } from './one-file.ts';

const USAGE = `Usage: ringside symbols VMLINUZ [-o FILE]

Unpacks a Linux kernel and gives it a symbol table of the names that it knows itself by (CONFIG_KALLSYMS), for gdb. Start it with nokaslr,
so that it lies where they say.

  -o, --output FILE  where the ELF file goes (VMLINUZ with .elf behind it)
`;

/** Returns the exit status: 0, 1 where it is no such kernel or a file cannot be read or written, 2 for wrong use. */
export async function symbols(argv: string[]): Promise<number> {
  const asked = oneFile(argv, {
    command: 'symbols',
    operand: 'VMLINUZ',
    kind: 'kernel',
    usage: USAGE,
    output: path => `${path}.elf`,
    lost: 'that would go over the kernel',
  });
  if (typeof asked === 'number') return asked;
  const { path, output } = asked;
  try {
    await loadUnpackers();
    const file = unzipped(readFileSync(path), path);
    const kernel = isLinux(file) ? kernelInside(file, path) : file;
    if (!isElf(kernel)) return tell(NOT_DONE, `${path} is no Linux kernel. Name a vmlinuz or an unpacked vmlinux.`);
    const found = kallsymsOf(kernel, isLongElf(kernel) ? 64 : 32);
    if (!found)
      return tell(
        NOT_DONE,
        `${path} has no table of its symbols as Linux 6.1 writes one: take a kernel of about that release with CONFIG_KALLSYMS.`,
      );
    writeFileSync(output, withSymbols(kernel, found));
    process.stdout.write(`${output}: ${found.length} symbols\n`);
    return 0;
  } catch (error) {
    if (error instanceof LoadError || (error as NodeJS.ErrnoException).code)
      return tell(NOT_DONE, `${(error as Error).message}`);
    throw error;
  }
}
