/** `truncate`: files of a length, images on the host's disk among them. Source: truncate(1) of coreutils for operands and what it says. */
import type { Uses } from '../toolstack/index.ts';
import { absolutePath, failed, type Program, succeeded } from '../toolstack/programs/index.ts';

const LETTERS = 'KMGT';

/** Bytes that a file of `old` has afterwards. @throws Error */
function lengthOf(text: string, old: number): number {
  const [, sign = '', digits, unit = ''] = /^([+-]?)(\d{1,15})([KMGT](?:B|iB)?)?$/.exec(text) ?? [];
  if (digits === undefined) throw new Error(`Invalid number: '${text.slice(0, 40)}'`);
  const bytes = Number(digits) * (/^.B$/.test(unit) ? 1000 : 1024) ** (unit === '' ? 0 : LETTERS.indexOf(unit[0]) + 1);
  if (!Number.isSafeInteger(bytes))
    throw new Error(`Invalid number: '${text.slice(0, 40)}': Value too large for defined data type`);
  return sign === '+' ? old + bytes : sign === '-' ? Math.max(0, old - bytes) : bytes;
}

export function truncateProgram(host: Uses<'files'>): Program {
  return {
    name: 'truncate',
    summary: 'gives files a length: truncate -s 8G /var/lib/xen/images/web.img',
    run: async (words, around) => {
      const { own: files } = host.files;
      let size: string | undefined;
      let creates = true;
      const paths: string[] = [];
      const queue = [...words];
      for (let word = queue.shift(); word !== undefined; word = queue.shift()) {
        if (word === '-s' || word === '--size') size = queue.shift() ?? '';
        else if (/^(?:-s|--size=)./.test(word)) size = word.replace(/^(?:-s|--size=)/, '');
        else if (word === '-c' || word === '--no-create') creates = false;
        else if (word.startsWith('-')) return failed(`truncate: unrecognized option '${word}'`);
        else paths.push(word);
      }
      if (size === undefined) return failed("truncate: you must specify either '--size' or '--reference'");
      if (paths.length === 0) return failed('truncate: missing file operand');
      if (!files) return failed('truncate: Domain 0 has no files here.');
      for (const path of paths) {
        try {
          const whole = absolutePath(path, around);
          const old = await files.stat(whole).then(
            stat => stat.size,
            () => undefined,
          );
          if (old === undefined && !creates) continue;
          await files.truncate(whole, lengthOf(size, old ?? 0));
        } catch (error) {
          return failed(
            `truncate: ${/^Invalid/.test((error as Error).message) ? '' : `cannot truncate '${path}': `}${(error as Error).message}`,
          );
        }
      }
      return succeeded('');
    },
  };
}
