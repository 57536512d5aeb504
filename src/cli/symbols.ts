/** `ringside symbols VMLINUZ`: the kernel inside with the names that it has in itself, for gdb. */
import { readFileSync, realpathSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { isLinux, kernelInside, loadUnpackers, unzipped } from '../formats/bzimage/index.ts';
import { isElf, isLongElf, LoadError } from '../formats/elf/index.ts';
import { kallsymsOf, withSymbols } from '../formats/kallsyms/index.ts';

const WRONG_USE = 2,
  NOT_DONE = 1;
const USAGE = `Usage: ringside symbols VMLINUZ [-o FILE]

Unpacks a Linux kernel and gives it a symbol table of the names that it knows itself by (CONFIG_KALLSYMS), for gdb. Start it with nokaslr,
so that it lies where they say.

  -o, --output FILE  where the ELF file goes (VMLINUZ with .elf behind it)
`;

/** By whatever names and links. */
function isSameFile(one: string, other: string): boolean {
  try {
    return realpathSync(one) === realpathSync(other);
  } catch {
    return one === other;
  }
}

/** Returns the exit status: 0, 1 where it is no such kernel or a file cannot be read or written, 2 for wrong use. */
export async function symbols(argv: string[]): Promise<number> {
  const tell = (status: number, sentence: string): number => (process.stderr.write(`${sentence}\n`), status);
  let parsed: { values: { output?: string; help?: boolean }; positionals: string[] };
  try {
    parsed = parseArgs({
      args: argv,
      allowPositionals: true,
      options: { output: { type: 'string', short: 'o' }, help: { type: 'boolean', short: 'h' } },
    });
  } catch (error) {
    return tell(WRONG_USE, `ringside symbols: ${(error as Error).message.split('\n')[0]}`);
  }
  const { values, positionals } = parsed;
  if (values.help) return (process.stdout.write(USAGE), 0);
  const [path, ...more] = positionals;
  if (path === undefined) return tell(WRONG_USE, 'ringside symbols: write ringside symbols VMLINUZ, or --help.');
  if (more.length > 0)
    return tell(WRONG_USE, `ringside symbols: one kernel at a time, and ${more[0]} is a second one.`);
  const output = values.output ?? `${path}.elf`;
  if (isSameFile(output, path))
    return tell(WRONG_USE, 'ringside symbols: that would go over the kernel; write -o FILE.');
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
