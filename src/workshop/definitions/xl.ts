/** Debian's xl reads definitions and prints what it has read: `xl -N create`, with what it asks of Xen answered by a library (no-xen.c). */
import { execFile, execFileSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { repository } from '../../cli/repository.ts';

const XL = '/usr/lib/xen-4.17/bin/xl';

/** What is missing to ask it; undefined: nothing. */
export function missingXl(): string | undefined {
  if (!existsSync(XL)) return 'xl: apt-get install xen-utils-4.17';
  return existsSync('/usr/bin/cc') ? undefined : 'cc: apt-get install gcc libc6-dev';
}

/** The library, built into `folder`. */
export function buildNoXen(folder: string): string {
  const library = join(folder, 'no-xen.so');
  execFileSync('cc', [
    '-shared',
    '-fPIC',
    '-O1',
    '-o',
    library,
    join(repository(), 'src/workshop/definitions/no-xen.c'),
  ]);
  return library;
}

export interface XlAnswer {
  /** What it prints where it ends with another status than 0. */
  refused?: string | undefined;
  /** What it warns of, or goes on without. */
  warned: string;
  /** libxl_domain_config as JSON. */
  config?: unknown;
}

const LIMIT_MS = 10_000;

export function askXl(library: string, folder: string, name: string, text: string): Promise<XlAnswer> {
  const file = join(folder, `${name}.cfg`);
  writeFileSync(file, text);
  return new Promise(resolve => {
    execFile(
      XL,
      ['-N', 'create', file],
      { env: { ...process.env, LD_PRELOAD: library, LC_ALL: 'C' }, timeout: LIMIT_MS },
      (error, stdout, stderr) => {
        const said = stderr.replaceAll(`${folder}/`, '').trim();
        const from = stdout.indexOf('{');
        resolve(
          error
            ? { refused: said || stdout.trim() || error.message, warned: said }
            : { warned: said, config: from < 0 ? undefined : (JSON.parse(stdout.slice(from)) as unknown) },
        );
      },
    );
  });
}
